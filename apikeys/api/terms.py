"""Terms: what a body says of a key, read for the services, and their errors in the body's words."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.core.exceptions import ValidationError

from accounts.api import names
from accounts.api.faults import Changed, Invalid
from accounts.api.fields import LIMIT_NAMES, unique
from accounts.mail import addresses as emails
from accounts.models import ServiceAccount, Team, User
from accounts.models.limited import LIMIT_COLUMNS
from accounts.services import members
from accounts.services.versions import Stale
from apikeys import resources
from apikeys.api import flowise
from apikeys.api.schemas import Terms

# The names of columns, as bodies have them.
_NAMES = {
    **names.OF_NAMED,
    **{column: f"limits.{name}" for column, name in zip(LIMIT_COLUMNS, LIMIT_NAMES, strict=True)},
    "pinned_to": "chatflows",
    "contact_email": "contact",
}


@contextmanager
def in_words_of_bodies() -> Iterator[None]:
    """Name fields of refused values as the body does, and answer a change that came between."""
    try:
        with names.in_words_of_bodies(_NAMES):
            yield
    except Stale:
        raise Changed("This was changed since you read it. Read it again.") from None


def name_of(terms: Terms) -> str | None:
    """Return the name, in either spelling. Raises ValidationError if they differ."""
    return flowise.name(terms.name, terms.keyName)


def scopes_of(terms: Terms) -> tuple[list[str] | None, list[str] | None]:
    """Return the scopes, and the permissions of Flowise that are none of ours.

    The scopes are None where the body names neither; the permissions, where it names none. Raises
    ValidationError if both are there and differ, and for a permission that nobody knows.
    """
    if terms.permissions is None:
        return (None if terms.scopes is None else list(terms.scopes)), None
    return flowise.scopes(terms.scopes, terms.permissions)


def account_of(team: Team, account_id: UUID | None) -> ServiceAccount | None:
    """Return a service account of the team. Raises Invalid for any other id."""
    if account_id is None:
        return None
    account = ServiceAccount.objects.of(team).kept().filter(pk=account_id).first()
    if account is None:
        raise Invalid("The team has no such service account.", "service_account")
    return account


def contact_of(team: Team, text: str | None) -> tuple[User | None, str]:
    """Return the member, or else the address, that a contact names. Raises Invalid."""
    if not text:
        return None, ""
    # Members by name alone: an e-mail that answers with a name would tell whose it is.
    found = members.named(team, text)
    if found is not None:
        return found, ""
    try:
        return None, emails.one(text)
    except ValidationError:
        raise Invalid("Name a member, or write one e-mail address.", "contact") from None


def chatflows_of(team: Team, ids: Sequence[UUID]) -> list[UUID]:
    """Return ids of chatflows, each once. Raises Invalid unless the team has all of them."""
    wanted = unique(ids)
    known = {each.id for each in resources.registry().by_ids(team, wanted)}
    for place, each in enumerate(ids):
        if each not in known:
            raise Invalid("The team has no such chatflow.", f"chatflows.{place}")
    return wanted


def given(terms: Terms, names: Iterable[str]) -> bool:
    """Whether a body names one of these fields."""
    return bool(terms.model_fields_set & {*names})


def refuse_lifted_end() -> None:
    """Raise Invalid: nothing takes the end of a key away."""
    raise Invalid("The end of a key can be moved, not lifted.", "expires_at")
