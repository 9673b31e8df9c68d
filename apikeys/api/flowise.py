"""Flowise's words for keys: its permissions, and fields that have a name of Flowise beside ours."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from django.core.exceptions import ValidationError

from accounts.permissions import SCOPES
from apikeys.scopes import DEFAULT_SCOPES

_FLOWS = "view create update duplicate delete export import config domains"
_VERBS: Mapping[str, str] = MappingProxyType(
    {
        "chatflows": _FLOWS,
        "agentflows": _FLOWS,
        "tools": "view create update delete export",
        "assistants": "view create update delete",
        "credentials": "view create update delete share",
        "variables": "view create update delete",
        "apikeys": "view create update delete",
        "documentStores": (
            "view create update delete add-loader delete-loader preview-process upsert-config"
        ),
        "datasets": "view create update delete",
        "executions": "view update delete",
        "evaluators": "view create update delete",
        "evaluations": "view create update delete run",
        "templates": "marketplace custom custom-delete toolexport flowexport custom-share",
        "workspace": "view create update add-user unlink-user delete export import",
        "users": "manage",
        "roles": "manage",
        "sso": "manage",
        "logs": "view",
        "loginActivity": "view",
    }
)
PERMISSIONS = frozenset(f"{of}:{verb}" for of, verbs in _VERBS.items() for verb in verbs.split())


def name(ours: str | None, theirs: str | None) -> str | None:
    """Return the one name of `name` and `keyName`. Raises ValidationError for two that differ."""
    if ours is not None and theirs is not None and ours != theirs:
        raise ValidationError({"keyName": "This is another value than that of name."})
    return ours if ours is not None else theirs


def scopes(
    ours: Sequence[str] | None, theirs: Sequence[str] | None
) -> tuple[list[str] | None, list[str]]:
    """Return the scopes that `scopes` and `permissions` ask for, and the permissions ignored.

    The scopes are None if neither was sent. Permissions without any that is ours ask for what each
    key of Flowise may do: call predictions. Raises ValidationError for two that differ, and for a
    permission that neither knows.
    """
    if theirs is None:
        return (None if ours is None else list(ours)), []
    known = [each for each in theirs if each in SCOPES]
    ignored = [each for each in theirs if each not in SCOPES]
    if unknown := [each for each in ignored if each not in PERMISSIONS]:
        raise ValidationError({"permissions": f"“{unknown[0][:40]}” is no permission."})
    wanted: Collection[str] = known or [scope.value for scope in DEFAULT_SCOPES]
    if ours is not None and {*ours} != {*wanted}:
        raise ValidationError({"permissions": "These are other values than those of scopes."})
    return [*wanted], list(dict.fromkeys(ignored))
