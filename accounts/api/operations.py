"""Operations: how each declares who may call it, and what their requests carry.

An operation without such a declaration stops the start (`config/openapi/checks.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.security.base import AuthBase
from pydantic import ConfigDict

from accounts.models import Role
from accounts.permissions import ROLE_PERMISSIONS, Permission, Principal

View = TypeVar("View", bound=Callable[..., Any])
PER_PAGE, MOST_PER_PAGE = 50, 200
# Begins the tags of a body's forms, where it has several: they are no names of fields.
FORM = "form: "


class ApiSchema(Schema):
    """A body or an answer. A field that is not named is refused."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class ApiRequest(HttpRequest):
    """A request whose key was judged and holds the scope of its operation."""

    id: str
    address: str
    principal: Principal  # with the team of the key: the only one that the operation sees


class Judge(Protocol):
    """Judges the key of a request. The app above registers it."""

    def __call__(self, request: HttpRequest, scopes: Sequence[Permission]) -> Principal:
        """Return who acts. Raises the catalogue's refusals."""


_judges: list[Judge] = []


def register(judge: Judge) -> None:
    """Set the judge of keys, once, in `AppConfig.ready`."""
    _judges[:] = [judge]


class Bearer(AuthBase):
    """A secret key in the Authorization header, with one of some scopes; any key without any."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "A secret API key: `Authorization: Bearer flk_sk_…`."

    def __init__(self, scopes: Sequence[Permission]) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> Principal:
        """Judge the key and put who acts on the request."""
        principal = _judges[0](request, self.scopes)
        request.principal = principal  # type: ignore[attr-defined]
        return principal


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call an operation: keys with one of these scopes, or everyone, with the reason.

    Without scopes and reason every good secret key may.
    """

    scopes: tuple[Permission, ...] = ()
    open_because: str = ""

    @property
    def roles(self) -> list[str]:
        """The roles whose members may give a key such a scope, as people call them."""
        held = {role for role, may in ROLE_PERMISSIONS.items() if set(self.scopes) & may} or {*Role}
        return [str(role.label) for role in Role if role in held]


def operation(
    router: Router,
    method: str,
    path: str,
    *,
    name: str,
    summary: str,
    scope: Permission | Sequence[Permission] | None = None,
    open_because: str = "",
    response: Mapping[int, Any],
    errors: Sequence[type[Exception]] = (),
    example: Any = None,
    takes_body: Any = None,
    extra: Mapping[str, Any] | None = None,
) -> Callable[[View], View]:
    """Add an operation to a router, with its policy.

    `scope` is the scope that it asks for, several where one of them is enough, None for any good
    key. `open_because` says why an operation asks for no key. `errors` are what it can raise
    beside what all can. `example` is one of its answer, and
    `takes_body` one of what it takes. The function's docstring is its description.
    """
    scopes = (scope,) if isinstance(scope, Permission) else tuple(scope or ())
    policy = Policy(scopes, open_because)
    more = {
        "x-policy": policy,
        "x-errors": tuple(errors),
        "x-example": example,
        "x-body-example": takes_body,
        **(extra or {}),
    }
    return router.api_operation(
        ["GET", "HEAD"] if method == "GET" else [method],
        path,
        auth=None if open_because else Bearer(scopes),
        response=dict(response),
        operation_id=name,
        summary=summary,
        openapi_extra=more,
    )
