"""The OpenAPI document: what ninja says of the operations, and what their policies add.

`make openapi` writes it to docs/openapi.json. A test compares the two.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from ninja.operation import Operation

from accounts.api import idempotency
from accounts.api.faults import Changed
from accounts.api.operations import Policy
from accounts.permissions import SCOPES
from chatflows.access import codes
from config.openapi import problems
from config.openapi.api import api, operations

FILE = Path(settings.BASE_DIR) / "docs" / "openapi.json"
# What every operation can answer.
ALWAYS = (codes.INVALID_REQUEST, codes.RATE_LIMITED, codes.INTERNAL_ERROR, codes.UNAVAILABLE)
WITH_KEY = (
    *(codes.MISSING_TOKEN, codes.INVALID_TOKEN, codes.INSUFFICIENT_SCOPE),
    *(codes.NETWORK_NOT_ALLOWED, codes.ORIGIN_NOT_ALLOWED),
)
WITH_BODY = (
    *(codes.INVALID_BODY, codes.TOO_LARGE, codes.UNSUPPORTED_MEDIA_TYPE, codes.REQUEST_TIMEOUT),
    codes.INVALID_FIELDS,
)
PROBLEM = {
    "type": "object",
    "description": "Why an operation was refused or failed (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do."},
        "code": {"type": "string", "enum": sorted(codes.CODES)},
        "request_id": {"type": "string", "description": "Also in the header X-Request-Id."},
        "errors": {
            "type": "array",
            "description": "The fields or parameters that can't be taken.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
ONCE = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "Send a text of your own, such as a UUID. The same request with the same text "
    "is done once in 24 hours: a repeat gets the first answer again, without any secret.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` that you read. If the thing was changed since, nothing is done.",
    "schema": {"type": "string"},
}
DESCRIPTION = """\
Everything that the pages do, for programs. Send a secret key: `Authorization: Bearer flk_sk_…`.

Each operation names the scope that its key needs. A key never has more rights than its scopes, and
acts in its own team alone. Errors are problems (RFC 9457) with a stable `code`. Lists are paged by
`cursor`. A creation with an `Idempotency-Key` can be sent again. Things have an `ETag`; send it in
`If-Match`, and nobody overwrites what they have not seen.
"""


def build() -> dict[str, Any]:
    """Return the document."""
    document = json.loads(json.dumps(api.get_openapi_schema(path_prefix="api/v1/"), default=str))
    document["info"]["description"] = DESCRIPTION
    document["servers"] = [{"url": "/"}]
    schemas = document["components"].setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    schemas["Scope"] = {
        "type": "string",
        "title": "Scope",
        "description": "What a key may do.",
        "enum": sorted(scope.value for scope in SCOPES),
    }
    known = {operation.operation_id: operation for _, _, operation in operations()}
    for path, methods in document["paths"].items():
        methods.pop("head", None)
        for details in methods.values():
            _complete(details, path, known[details["operationId"]])
    whole: dict[str, Any] = _with_scopes(document)
    return whole


def text() -> str:
    """Return the document as it is committed."""
    return json.dumps(build(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@cache
def served() -> str:
    """Return the document as it is served, made once in a process."""
    return json.dumps(build(), ensure_ascii=False)


def _complete(details: dict[str, Any], path: str, operation: Operation) -> None:
    more = operation.openapi_extra or {}
    policy: Policy = more["x-policy"]
    for name in [name for name in details if name.startswith("x-")]:
        del details[name]
    if policy.open_because:
        details["security"] = []
        details["x-open-because"] = policy.open_because
    else:
        details["x-scopes"] = [scope.value for scope in policy.scopes]
        details["x-roles"] = policy.roles
        needs = " or ".join(f"`{scope.value}`" for scope in policy.scopes)
        said = f"Needs {needs}." if needs else "Any secret key may call it."
        details["description"] = f"{details.get('description', '')}\n\n{said}".strip()
    _add_examples(details, more)
    is_once = getattr(operation.view_func, "is_once", False)
    details["parameters"] = [
        *details.get("parameters", ()),
        *([ONCE] if is_once else ()),
        *([IF_MATCH] if Changed in more["x-errors"] else ()),
    ]
    for code in _codes(details, path, policy, more["x-errors"]):
        _add_error(details["responses"], code)


def _codes(
    details: dict[str, Any], path: str, policy: Policy, named: tuple[type[Exception], ...]
) -> list[codes.Code]:
    found = [*ALWAYS, *(problems.CODES[kind] for kind in named)]
    found += [] if policy.open_because else WITH_KEY
    found += WITH_BODY if "requestBody" in details else ()
    if "{" in path:
        found.append(codes.NO_SUCH_THING)
    if any(each["in"] == "query" for each in details.get("parameters", ())):
        found += [codes.INVALID_FIELDS, codes.BAD_REQUEST]
    return sorted({*found}, key=lambda code: (code.status, code.name))


def _add_error(responses: dict[str, Any], code: codes.Code) -> None:
    error = responses.setdefault(
        str(code.status),
        {
            "description": "",
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    )
    words = f"`{code.name}`: {code.sentence}"
    error["description"] = f"{error['description']}\n\n{words}".strip()
    if code.status == 401:
        error.setdefault("headers", {})["WWW-Authenticate"] = {"schema": {"type": "string"}}
    if code.status in (429, 503):
        error.setdefault("headers", {})["Retry-After"] = {"schema": {"type": "integer"}}


def _add_examples(details: dict[str, Any], more: dict[str, Any]) -> None:
    if more["x-example"] is not None:
        for status, response in details["responses"].items():
            for content in response.get("content", {}).values() if status < "300" else ():
                content["example"] = more["x-example"]
    if more["x-body-example"] is not None:
        for content in details["requestBody"]["content"].values():
            content["example"] = more["x-body-example"]


def _with_scopes(value: Any) -> Any:
    """Put the enum Scope wherever a scope is meant: the other rights of people are no key's."""
    if isinstance(value, list):
        return [_with_scopes(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("x-scope") or value.get("$ref") == "#/components/schemas/Permission":
        return {"$ref": "#/components/schemas/Scope"}
    return {name: _with_scopes(each) for name, each in value.items() if name != "Permission"}
