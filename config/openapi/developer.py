"""How to begin by program: the smallest call, and what each scope lets a key do."""

from collections.abc import Iterable
from typing import NamedTuple

from accounts.models import Role
from accounts.permissions import ROLE_PERMISSIONS, Permission
from apikeys.scopes import DEFAULT_SCOPES, GROUPS
from chatflows.snippets import Snippet
from config.openapi.api import operations

_CALL = {Permission.PREDICTIONS_CREATE: "POST /api/v1/prediction/{id}"}


class ScopeRow(NamedTuple):
    """A scope, what it lets a key do, the roles that may give it, and an operation that asks it."""

    group: str
    scope: Permission
    words: str
    roles: str
    example: str


def scopes() -> list[ScopeRow]:
    """Return every scope in the order of pages."""
    examples = {**_examples(), **_CALL}
    return [
        ScopeRow(group, scope, words, _roles(scope), examples.get(scope, ""))
        for group, held in GROUPS.items()
        for scope, words in held.items()
    ]


def manages(held: Iterable[str]) -> bool:
    """Whether scopes let a key do more than call chatflows."""
    return not {*held} <= {scope.value for scope in DEFAULT_SCOPES}


def snippets(public_url: str) -> list[Snippet]:
    """Return code that asks which key this is. The key comes from the environment."""
    url = f"{public_url}/api/v1/apikey/self"
    return [
        Snippet(lang, label, code.replace("URL", url))
        for lang, label, code in (
            ("curl", "curl", _CURL),
            ("python", "Python", _PYTHON),
            ("js", "JavaScript", _JAVASCRIPT),
        )
    ]


def _roles(scope: Permission) -> str:
    may_give = {scope, Permission.APIKEYS_CREATE}
    names = [str(role.label) for role in Role if may_give <= ROLE_PERMISSIONS[role]]
    return ", ".join(names).capitalize()


def _examples() -> dict[Permission, str]:
    found: dict[Permission, str] = {}
    for method, path, operation in operations():
        for scope in (operation.openapi_extra or {})["x-policy"].scopes:
            found.setdefault(scope, f"{method} {path}")
    return found


_CURL = """\
curl URL \\
  -H "Authorization: Bearer $FLOWLATCH_KEY"
"""
_PYTHON = """\
import json, os, urllib.request

request = urllib.request.Request(
    "URL", headers={"Authorization": "Bearer " + os.environ["FLOWLATCH_KEY"]}
)
print(json.load(urllib.request.urlopen(request)))
"""
_JAVASCRIPT = """\
const answer = await fetch("URL", {
  headers: { Authorization: `Bearer ${process.env.FLOWLATCH_KEY}` },
});
console.log(await answer.json());
"""
