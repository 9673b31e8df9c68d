"""Operations on chatflows: list, create, get, update, delete."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpResponse
from ninja import Query, Router

from accounts.api import cursors, etags, idempotency, lists
from accounts.api.faults import Changed, Conflict, OldForm
from accounts.api.lists import FlowisePaging
from accounts.api.names import in_words_of_bodies
from accounts.api.operations import ApiRequest, View, operation
from chatflows.api import access, finding, schemas
from chatflows.api.examples import CHATFLOW
from chatflows.api.schemas import ChatflowChange, ChatflowPage, ChatflowShown, Deleted, NewChatflow
from chatflows.engines.configs import InvalidConfig
from chatflows.models import Chatflow, ChatflowType, UpstreamSecret
from chatflows.permissions import WITH_AGENTS
from chatflows.services import chatflows, engines
from chatflows.services.engines import Checked

router = Router()
LIST = "chatflows"
ONE = "/chatflows/{uuid:chatflow_id}"
NO_KEY = (
    "An empty apikeyid makes a chatflow public in Flowise. Here that is a choice: "
    'PUT /api/v1/chatflows/{id}/access with {"mode": "public"}.'
)


@operation(
    router,
    "GET",
    "/chatflows",
    name="listChatflows",
    summary="List chatflows",
    scope=finding.VIEW,
    response={200: ChatflowPage | list[ChatflowShown]},
    example={"data": [CHATFLOW], "next_cursor": None},
)
def list_chatflows(
    request: ApiRequest,
    response: HttpResponse,
    paging: Query[FlowisePaging],
    type: ChatflowType | None = None,  # noqa: A002 (Flowise's name)
) -> Any:
    """List the chatflows of the team by name: those whose type the key may view.

    With `cursor` or `limit` the answer is a page. Without both it is a bare array, as Flowise gives
    it, of at most 1,000; where there are more, the header `Link` leads on.
    """
    size, is_page = lists.size_of(request, paging.limit)
    team = request.principal.team
    place = cursors.read(team.id, LIST, paging.cursor)
    rows = Chatflow.objects.of(team).filter(type__in=finding.types(request), name_key__gt=place)
    rows = rows.filter(type=type) if type is not None else rows
    found = list(rows.with_usable_keys().order_by("name_key")[: size + 1])
    last = found[size - 1].name_key if len(found) > size else ""
    data = _shown_all(found[:size])
    more = {"type": type} if type is not None else {}
    following = lists.lead_on(request, response, LIST, last, size, **more)
    return ChatflowPage(data=data, next_cursor=following) if is_page else data


@operation(
    router,
    "POST",
    "/chatflows",
    name="createChatflow",
    summary="Create a chatflow",
    scope=finding.CREATE,
    response={201: ChatflowShown},
    errors=(PermissionDenied,),
    example=CHATFLOW,
    takes_body={"name": "Returns helper", "engine": "faq"},
)
@idempotency.once("/chatflows")
def create(request: ApiRequest, response: HttpResponse, body: NewChatflow) -> ChatflowShown:
    """Create a chatflow in mode keys, with DefaultKey selected. Without an engine it is an FAQ."""
    if body.name is None:
        raise ValidationError({"name": "This field is needed."})
    finding.check(request, finding.CREATE[body.type in WITH_AGENTS])
    checked = _checked(None, body.engine, body.settings, body.secret)
    by = request.principal.actor
    with transaction.atomic(), in_words_of_bodies():
        made = chatflows.create(request.principal.team, body.name, by, flow_type=body.type)
        if checked is not None:
            engines.store(made, checked, by)
    response.headers["Location"] = f"{settings.PUBLIC_URL}/api/v1/chatflows/{made.id}"
    return _answer(response, made)


@operation(
    router,
    "GET",
    ONE,
    name="getChatflow",
    summary="Get a chatflow",
    scope=finding.VIEW,
    response={200: ChatflowShown},
    example=CHATFLOW,
)
def get(request: ApiRequest, response: HttpResponse, chatflow_id: UUID) -> ChatflowShown:
    """Return a chatflow of the team, without the key of its engine's server."""
    return _answer(response, finding.chatflow(request, chatflow_id, "view"))


def _update(name: str, method: str) -> Callable[[View], View]:
    return operation(
        router,
        method,
        ONE,
        name=name,
        summary="Update a chatflow",
        scope=finding.UPDATE,
        response={200: ChatflowShown},
        errors=(OldForm, PermissionDenied, Changed, Conflict),
        example=CHATFLOW,
        takes_body={"name": "Returns helper", "apikeyid": "0198c2f4-1c2b-4d5e-8f90-abcdef123456"},
    )


@_update("updateChatflow", "PATCH")
@_update("replaceChatflow", "PUT")
def update(
    request: ApiRequest, response: HttpResponse, chatflow_id: UUID, body: ChatflowChange
) -> ChatflowShown:
    """Change what the body names; all else stays, with PUT too. All of it is done, or nothing."""
    chatflow = finding.chatflow(request, chatflow_id, "update")
    etags.check(request, _tag(chatflow))
    if "apikeyid" in body.model_fields_set and not body.apikeyid:
        raise OldForm(NO_KEY)
    checked = _checked(chatflow, body.engine, body.settings, body.secret)
    by = request.principal.actor
    with transaction.atomic(), in_words_of_bodies():
        _hold(request, chatflow)
        if body.name is not None:
            chatflows.rename(chatflow, body.name, by)
        if body.apikeyid:
            access.select_only(chatflow, body.apikeyid, by)
        if checked is not None:
            engines.store(chatflow, checked, by)
    return _answer(response, chatflow)


@operation(
    router,
    "DELETE",
    ONE,
    name="deleteChatflow",
    summary="Delete a chatflow",
    scope=finding.DELETE,
    response={200: Deleted},
    errors=(Changed, Conflict),
    example={"raw": [], "affected": 1},
)
def delete(request: ApiRequest, chatflow_id: UUID) -> Deleted:
    """Delete a chatflow for good. Its next call finds nothing. Records of its calls stay."""
    chatflow = finding.chatflow(request, chatflow_id, "delete")
    etags.check(request, _tag(chatflow))
    with transaction.atomic():
        _hold(request, chatflow)
        chatflows.delete(chatflow, request.principal.actor)
    return Deleted()


def _hold(request: ApiRequest, chatflow: Chatflow) -> None:
    """Lock a chatflow. Raises Changed or Conflict if it is no longer the one that was read."""
    locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    if _tag(locked) != _tag(chatflow):
        raise etags.meanwhile(request)


def _checked(
    chatflow: Chatflow | None,
    engine: str | None,
    given: Mapping[str, Any] | None,
    secret: str | None,
) -> Checked | None:
    """Check the engine that a body names, or None if it names nothing of it.

    Settings replace those of the same engine one by one. Raises ValidationError by field.
    """
    if engine is None and given is None and secret is None:
        return None
    present = chatflow.engine if chatflow is not None else "faq"
    chosen = engine or present
    kept = chatflow.engine_config if chatflow is not None and chosen == present else {}
    try:
        return engines.check(chosen, {**kept, **(given or {})}, secret)
    except InvalidConfig as error:
        named = {
            name if name in ("engine", "secret") else f"settings.{name}": words
            for name, words in error.errors.items()
        }
        raise ValidationError(named) from None


def _shown_all(found: list[Chatflow]) -> list[ChatflowShown]:
    held = UpstreamSecret.objects.filter(chatflow__in=found)
    with_secret = {*held.values_list("chatflow_id", flat=True)}
    return [schemas.shown(each, _url(each), has_secret=each.id in with_secret) for each in found]


def _answer(response: HttpResponse, chatflow: Chatflow) -> ChatflowShown:
    fresh = Chatflow.objects.with_usable_keys().get(pk=chatflow.pk)
    etags.mark(response, _tag(fresh))
    return schemas.shown(fresh, _url(fresh))


def _url(chatflow: Chatflow) -> str:
    return f"{settings.PUBLIC_URL}/api/v1/prediction/{chatflow.id}"


def _tag(chatflow: Chatflow) -> str:
    return f"{chatflow.version}.{chatflow.engine_version}"
