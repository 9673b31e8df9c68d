"""Problems: what an operation answers in place of a result (RFC 9457), from the one catalogue."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.exceptions import ValidationError as FieldsRefused
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja.errors import HttpError, ValidationError

from accounts.api.faults import Changed, Conflict, Fault, Invalid, Lacking, Missing, OldForm
from accounts.api.operations import FORM
from accounts.limits.too_many import TooMany
from accounts.network import request_ids
from accounts.outages import OUTAGES
from chatflows.access import codes
from chatflows.access.codes import Code, Refused
from chatflows.gate.responses import refusal_headers
from chatflows.protocols.problems import members

log = structlog.get_logger("flowlatch.api")

MEDIA_TYPE = "application/problem+json"
# The code of each kind that operations say that they raise.
CODES: Mapping[type[Exception], Code] = {
    Missing: codes.NO_SUCH_THING,
    Invalid: codes.INVALID_FIELDS,
    Conflict: codes.CONFLICT,
    Changed: codes.PRECONDITION_FAILED,
    OldForm: codes.BAD_REQUEST,
    PermissionDenied: codes.FORBIDDEN,
}
MAX_ERRORS = 50
Errors = list[dict[str, str]]


def answer(
    request: HttpRequest,
    code: Code,
    detail: str = "",
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return a problem. `errors` names the fields of a 422."""
    request_id = getattr(request, "id", None) or request_ids.new()
    problem = {**members(code, detail), "request_id": request_id}
    if errors:
        problem["errors"] = [*errors][:MAX_ERRORS]
    return JsonResponse(
        problem,
        status=code.status,
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Request-Id": request_id, **(headers or {})},
    )


def of_refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Answer a refusal of the catalogue, with the headers that the gate sends too."""
    headers = {name.decode(): value.decode() for name, value in refusal_headers(refused)}
    return answer(request, refused.code, refused.detail, headers=headers)


def of(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer whatever an operation raised. What is not expected is logged, and is 500."""
    if isinstance(error, HttpError) and isinstance(error.__cause__, Refused):
        return of_refusal(request, error.__cause__)  # from the parser, which ninja wraps
    for kinds, answered in _ANSWERS:
        if isinstance(error, kinds):
            return answered(request, error)
    log.error("operation failed", error=type(error).__name__, exc_info=error)
    return answer(request, codes.INTERNAL_ERROR)


def _of_lacking(request: HttpRequest, error: Lacking) -> HttpResponse:
    return of_refusal(request, Refused(codes.INSUFFICIENT_SCOPE, scope=error.scope))


def _of_fault(request: HttpRequest, fault: Fault) -> HttpResponse:
    errors = [{"field": fault.field, "message": fault.detail}] if fault.field else []
    return answer(request, CODES[type(fault)], fault.detail, errors=errors)


def _of_schema(error: ValidationError) -> Errors:
    """Return field and words of each fault. The values are not repeated."""
    found = []
    for each in error.errors:
        place = [str(part) for part in each["loc"][1:]]
        # A body is one argument of its operation: the argument's name tells nothing.
        place = place[1:] if each["loc"][0] == "body" and len(place) > 1 else place
        place = [part for part in place if not part.startswith(FORM)] or ["body"]
        found.append({"field": ".".join(place)[:100], "message": _sentence(each)})
    return found


def _sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such field here, or it is not yours to set."
    if error["type"] == "missing":
        return "This field is needed."
    if error["type"] in ("model_type", "model_attributes_type"):
        return "This should be an object."
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."


def _of_service(error: FieldsRefused) -> Errors:
    if not hasattr(error, "error_dict"):
        return [{"field": "", "message": " ".join(error.messages)}]
    return [
        {"field": "" if field == "__all__" else field, "message": " ".join(messages)}
        for field, messages in error.message_dict.items()
    ]


def _of_outage(request: HttpRequest, error: Exception) -> HttpResponse:
    log.warning("part missing", error=type(error).__name__)
    return of_refusal(request, Refused(codes.UNAVAILABLE))


_Kinds = type[Exception] | tuple[type[Exception], ...]
_ANSWERS: tuple[tuple[_Kinds, Callable[[HttpRequest, Any], HttpResponse]], ...] = (
    (Refused, of_refusal),
    (Fault, _of_fault),
    (Lacking, _of_lacking),
    (ValidationError, lambda r, e: answer(r, codes.INVALID_FIELDS, errors=_of_schema(e))),
    (FieldsRefused, lambda r, e: answer(r, codes.INVALID_FIELDS, errors=_of_service(e))),
    (PermissionDenied, lambda r, e: answer(r, codes.FORBIDDEN, str(e))),
    ((ObjectDoesNotExist, Http404), lambda r, e: answer(r, codes.NO_SUCH_THING)),
    (TooMany, lambda r, e: e.mark(answer(r, codes.RATE_LIMITED, str(e)))),
    ((*OUTAGES, TimeoutError), _of_outage),
)
