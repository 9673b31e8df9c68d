"""Find what an operation on chatflows is about, in the caller's team alone."""

import re
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from accounts.api.faults import Invalid, Lacking, Missing
from accounts.api.operations import ApiRequest
from accounts.models import Team
from accounts.permissions import Permission
from apikeys.models import ApiKey, KeySecret
from chatflows.models import Chatflow, ChatflowType
from chatflows.permissions import WITH_AGENTS, permission_for

_PUBLIC_ID = re.compile(r"[0-9A-Za-z]{12}")
VIEW = (Permission.CHATFLOWS_VIEW, Permission.AGENTFLOWS_VIEW)
CREATE = (Permission.CHATFLOWS_CREATE, Permission.AGENTFLOWS_CREATE)
UPDATE = (Permission.CHATFLOWS_UPDATE, Permission.AGENTFLOWS_UPDATE)
DELETE = (Permission.CHATFLOWS_DELETE, Permission.AGENTFLOWS_DELETE)


def chatflow(request: ApiRequest, chatflow_id: UUID, verb: str) -> Chatflow:
    """Return a chatflow of the caller's team. Raises Missing for any other, and Lacking.

    `chatflows:` governs CHATFLOW and ASSISTANT, `agentflows:` the flows with agents.
    """
    of_team = Chatflow.objects.of(request.principal.team).with_usable_keys()
    found = of_team.select_related("team").filter(pk=chatflow_id).first()
    if found is None:
        raise Missing
    check(request, permission_for(found, verb))
    return found


def check(request: ApiRequest, permission: Permission) -> None:
    """Raise Lacking unless the caller holds a permission."""
    if not request.principal.may_do(permission):
        raise Lacking(permission)


def types(request: ApiRequest) -> list[ChatflowType]:
    """Return the types of chatflows that the caller may view."""
    may = request.principal.may_do
    with_agents, others = may(Permission.AGENTFLOWS_VIEW), may(Permission.CHATFLOWS_VIEW)
    return [each for each in ChatflowType if (with_agents if each in WITH_AGENTS else others)]


def keys(team: Team, texts: Sequence[str], field: str) -> frozenset[UUID]:
    """Return the ids of keys, each named by its id or a public id. Raises Invalid."""
    wanted = {text: _uuid(text) for text in texts}
    public_ids = [text for text, found in wanted.items() if found is None]
    secrets = KeySecret.objects.filter(key__team=team, key__deleted_at=None)
    by_public_id = dict(
        secrets.filter(
            public_id__in=[text for text in public_ids if _PUBLIC_ID.fullmatch(text)]
        ).values_list("public_id", "key_id")
    )
    kept = ApiKey.objects.of(team).kept().filter(pk__in=[each for each in wanted.values() if each])
    known = {*kept.values_list("pk", flat=True)}
    found = set()
    for place, text in enumerate(texts):
        key_id = wanted[text] or by_public_id.get(text)
        if key_id is None or (wanted[text] and key_id not in known):
            raise Invalid("The team has no such key.", field.replace("*", str(place)))
        found.add(key_id)
    return frozenset(found)


def _uuid(text: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(text)
    return None
