"""Idempotency: a creation that is sent again is done once (`Idempotency-Key`).

The row of the answer is written in the transaction of the creation: both are there, or neither. Of
two at once the second waits for the first, then gets its answer. A repeat shows no secret.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from pydantic import BaseModel

from accounts.api.faults import Invalid
from accounts.api.operations import ApiRequest
from accounts.models import StoredAnswer

KEPT_FOR = timedelta(hours=24)
HEADER = "Idempotency-Key"
_SALT = "flowlatch.idempotency"
_KEY = re.compile(r"[!-~]{1,64}")
REPLAYED = "Idempotency-Replayed"
View = TypeVar("View", bound=Callable[..., Any])


def once(route: str, *, secrets: Collection[str] = (), status: int = 201) -> Callable[[View], View]:
    """Let an operation of POST answer a repeat with the first answer, less the fields `secrets`.

    `status` is that of its answers.

    The operation returns a schema, and may set headers on the keyword `response`. Put it below
    `operation`. Raises Invalid for a key that is none, and for one that came with another body.
    """

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def run(request: ApiRequest, *args: Any, **values: Any) -> Any:
            key = request.headers.get(HEADER)
            if key is None:
                return view(request, *args, **values)
            if _KEY.fullmatch(key) is None:
                raise Invalid("Use 1 to 64 visible ASCII characters.", HEADER)
            row, digests = _row(request, f"{request.method} {route}"[:120], key)
            row.status = status
            act = functools.partial(view, request, *args, **values)
            return _once(row, digests, act, values["response"], secrets)

        run.is_once = True  # type: ignore[attr-defined]  # the document names the header
        return run  # type: ignore[return-value]

    return wrap


def _row(request: ApiRequest, route: str, key: str) -> tuple[StoredAnswer, list[str]]:
    """Return the row of an answer that is not given yet, and the digests of its request.

    The first one is to be stored. The others are those under signing keys no longer in use.
    """
    row = StoredAnswer(
        team=request.principal.team,
        credential=UUID(request.principal.actor.id),
        route=route,
        digest=hashlib.sha256(key.encode()).hexdigest(),
    )
    # Keyed: a body can hold a short passphrase, and a plain digest would let it be guessed.
    sent = request.get_full_path().encode() + b"\0" + request.body
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return row, [salted_hmac(_SALT, sent, key, algorithm="sha256").hexdigest() for key in keys]


def _once(
    row: StoredAnswer,
    body_digests: list[str],
    act: Callable[[], Any],
    response: HttpResponse,
    secrets: Collection[str],
) -> Any:
    same = StoredAnswer.objects.filter(
        credential=row.credential, route=row.route, digest=row.digest
    )
    same.filter(created_at__lte=timezone.now() - KEPT_FOR).delete()
    row.body_digest = body_digests[0]
    with transaction.atomic():
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return _replay(same.get(), body_digests)
        answered = act()
        row.body = _without(answered, secrets)
        names = ("ETag", "Location")
        row.headers = {name: response.headers[name] for name in names if name in response.headers}
        row.save()
    return answered


def _replay(row: StoredAnswer, body_digests: list[str]) -> HttpResponse:
    if row.body_digest not in body_digests:
        raise Invalid("This key came with another request. Use a new one.", HEADER)
    headers = {**row.headers, REPLAYED: "true"}
    return JsonResponse(row.body, status=row.status, headers=headers)


def _without(answered: Any, secrets: Collection[str]) -> Any:
    value = answered.model_dump(mode="json") if isinstance(answered, BaseModel) else answered
    return {name: each for name, each in value.items() if name not in secrets}
