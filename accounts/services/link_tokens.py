"""Link tokens: issue one, look one up, redeem it once."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.crypto import digests
from accounts.models import LinkPurpose, LinkToken


@transaction.atomic
def issue(purpose: LinkPurpose, lifetime: timedelta, bound_to: str = "") -> str:
    """Make a token and return its text. Older tokens of the same purpose and thing end."""
    now = timezone.now()
    revoke(purpose, bound_to)
    token = digests.new_link_token()
    LinkToken.objects.create(
        purpose=purpose,
        bound_to=bound_to,
        digest=digests.link_token_digest(token),
        expires_at=now + lifetime,
    )
    return token


def revoke(purpose: LinkPurpose, bound_to: str) -> None:
    """End every token of the purpose that is bound to this thing."""
    now = timezone.now()
    LinkToken.objects.filter(purpose=purpose, bound_to=bound_to).usable(now).update(used_at=now)


def find(purpose: LinkPurpose, token: str) -> LinkToken | None:
    """Return the row of a token that was issued, working or not. Changes nothing."""
    if not token.startswith(digests.LINK_TOKEN_PREFIX):
        return None
    return LinkToken.objects.filter(
        purpose=purpose, digest=digests.link_token_digest(token)
    ).first()


def digest_if_usable(purpose: LinkPurpose, token: str) -> str | None:
    """Return the digest of a token that can still be redeemed, or None. Changes nothing."""
    if not token.startswith(digests.LINK_TOKEN_PREFIX):
        return None
    digest = digests.link_token_digest(token)
    return digest if is_usable(purpose, digest) else None


def is_usable(purpose: LinkPurpose, digest: str) -> bool:
    """Whether the token of this digest can still be redeemed."""
    usable = LinkToken.objects.filter(purpose=purpose).usable(timezone.now())
    return bool(digest) and usable.filter(digest=digest).exists()


def redeem(purpose: LinkPurpose, digest: str) -> bool:
    """Use the token up. Return True for exactly one caller, however many try at once."""
    now = timezone.now()
    usable = LinkToken.objects.filter(purpose=purpose).usable(now)
    return bool(digest) and usable.filter(digest=digest).update(used_at=now) == 1
