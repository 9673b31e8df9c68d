"""How operations read bodies and queries: our JSON rules, and no field twice."""

import json
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.protocols import json_bodies, media_types
from chatflows.protocols.json_bodies import InvalidBody

MAX_BODY = 64 * 1024  # bytes
MAX_NAME = 40  # characters of a field's name that a message quotes


class StrictParser(Parser):
    """Reads JSON that says one thing."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the value of a JSON body. Raises Refused with 400, 413 or 415."""
        stated = request.headers.get("Content-Type", "").encode("latin-1", "replace")
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if not media_types.is_json(stated) or encoding not in ("", "identity"):
            raise Refused(codes.UNSUPPORTED_MEDIA_TYPE)
        try:
            body = request.body
        except RequestDataTooBig:
            raise Refused(codes.TOO_LARGE) from None
        if len(body) > MAX_BODY:
            raise Refused(codes.TOO_LARGE)
        value = json_bodies.load(body)
        # Two readers of `{"a": 1, "a": 2}` may each take another one.
        json.loads(body.decode("utf-8-sig"), object_pairs_hook=_named_once)
        if _has_nul(value):  # no name holds it, and PostgreSQL stores none
            raise InvalidBody("A text holds a NUL character.")
        return value

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """Return the parameters of a query. Raises Refused for one that stands there twice, and
        for NUL, as in a body.
        """
        for name in data:
            if _has_nul([name, *data.getlist(name)]):
                raise Refused(codes.BAD_REQUEST, "The query holds a NUL character.")
            if name not in list_fields and len(data.getlist(name)) > 1:
                raise Refused(codes.BAD_REQUEST, f"{_shown(name)} stands in the query twice.")
        return super().parse_querydict(data, list_fields, request)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(map(_has_nul, value))


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidBody(f"{_shown(name)} stands in the body twice.")
        found[name] = value
    return found


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= MAX_NAME else "A field"
