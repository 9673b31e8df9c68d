"""Scopes: what a key may hold, in the words and groups of pages, and presets of them. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from accounts.permissions import SCOPES, Permission, with_implied

DEFAULT_SCOPES = (Permission.PREDICTIONS_CREATE,)
MAX_TEXTS = 100  # scopes in one form or command, far more than there are

# What each scope lets its key do, in the groups and the order of pages.
GROUPS: Mapping[str, Mapping[Permission, str]] = MappingProxyType(
    {
        "Calls": {
            Permission.PREDICTIONS_CREATE: "Ask, rate, upload",
            Permission.CONVERSATIONS_VIEW: "Read what was said",
            Permission.CONVERSATIONS_DELETE: "Delete what was said",
            Permission.USAGE_VIEW: "Counts, no content",
        },
        "Chatflows and assistants": {
            Permission.CHATFLOWS_VIEW: "Names and access",
            Permission.CHATFLOWS_CREATE: "Add one",
            Permission.CHATFLOWS_UPDATE: "Open, close, select keys",
            Permission.CHATFLOWS_DELETE: "Delete one",
        },
        "Agentflows": {
            Permission.AGENTFLOWS_VIEW: "Names and access",
            Permission.AGENTFLOWS_CREATE: "Add one",
            Permission.AGENTFLOWS_UPDATE: "Open, close, select keys",
            Permission.AGENTFLOWS_DELETE: "Delete one",
        },
        "Keys": {
            Permission.APIKEYS_VIEW: "Names, never texts",
            Permission.APIKEYS_CREATE: "Make keys with its own scopes",
            Permission.APIKEYS_UPDATE: "Disable, rotate, limit",
            Permission.APIKEYS_DELETE: "Delete for good",
        },
        "Service accounts": {
            Permission.SERVICE_ACCOUNTS_VIEW: "Which machines there are",
            Permission.SERVICE_ACCOUNTS_CREATE: "Add one",
            Permission.SERVICE_ACCOUNTS_UPDATE: "Change and disable",
            Permission.SERVICE_ACCOUNTS_DELETE: "Delete, with its keys",
        },
        "Team": {
            Permission.MEMBERS_VIEW: "Who is here",
            Permission.INVITATIONS_CREATE: "Invite editors and viewers",
            Permission.AUDIT_VIEW: "Who changed what",
        },
    }
)


class Preset(StrEnum):
    """A choice of scopes with a name."""

    PREDICT = "predict"
    READ = "read"
    ALL = "all"
    CHOOSE = "choose"


def givable(
    permissions: frozenset[Permission], allowed: Iterable[str] | None
) -> frozenset[Permission]:
    """Return the scopes that someone with these permissions may give to a key.

    `allowed` are those of the team's key policy, None for all. It never forbids to call chatflows.
    A scope goes with those that it implies.
    """
    may = SCOPES & permissions
    if allowed is not None:
        may &= frozenset(allowed) | frozenset(DEFAULT_SCOPES)
    return frozenset(scope for scope in may if with_implied([scope]) <= may)


def of_preset(preset: Preset, may_give: frozenset[Permission]) -> frozenset[Permission]:
    """Return the scopes of a preset, of those that may be given. CHOOSE has none of its own."""
    if preset is Preset.ALL:
        return may_give
    if preset is Preset.READ:
        return frozenset(scope for scope in may_give if scope.endswith(":view"))
    return may_give & frozenset(DEFAULT_SCOPES) if preset is Preset.PREDICT else frozenset()


def read(texts: Iterable[str]) -> frozenset[Permission]:
    """Return scopes with those that they imply. Raises ValueError with a sentence that names one.

    Each has one spelling: no blanks, no upper case, no wildcard, and none twice.
    """
    given = list(texts)
    if len(given) > MAX_TEXTS:
        raise ValueError(f"These are {len(given)} scopes. There are {len(SCOPES)}.")
    if not given:
        raise ValueError("Choose at least one scope.")
    for text in given:
        if text not in SCOPES:
            raise ValueError(_refusal(text))
        if given.count(text) > 1:
            raise ValueError(f"{text} stands here twice.")
    return frozenset(Permission(text) for text in with_implied(given))


def _refusal(text: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    if "*" in text:
        return f"“{shown}” is no scope. Write each scope out: a star would hold later ones too."
    if text.strip().lower() in SCOPES:
        return f"“{shown}” is no scope. Write {text.strip().lower()}."
    if text in frozenset(Permission):
        return f"No key may hold {text}."
    return f"“{shown}” is no scope."
