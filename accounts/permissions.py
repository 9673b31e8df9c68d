"""Permissions: the enum of people's permissions and keys' scopes, the role table, the principal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from accounts.models import Role, Team


class Permission(StrEnum):
    """`resource:verb`. A key's scopes and a person's permissions are the same enum."""

    CHATFLOWS_VIEW = "chatflows:view"
    CHATFLOWS_CREATE = "chatflows:create"
    CHATFLOWS_UPDATE = "chatflows:update"
    CHATFLOWS_DELETE = "chatflows:delete"
    AGENTFLOWS_VIEW = "agentflows:view"
    AGENTFLOWS_CREATE = "agentflows:create"
    AGENTFLOWS_UPDATE = "agentflows:update"
    AGENTFLOWS_DELETE = "agentflows:delete"
    APIKEYS_VIEW = "apikeys:view"
    APIKEYS_CREATE = "apikeys:create"
    APIKEYS_UPDATE = "apikeys:update"
    APIKEYS_DELETE = "apikeys:delete"
    SERVICE_ACCOUNTS_VIEW = "service-accounts:view"
    SERVICE_ACCOUNTS_CREATE = "service-accounts:create"
    SERVICE_ACCOUNTS_UPDATE = "service-accounts:update"
    SERVICE_ACCOUNTS_DELETE = "service-accounts:delete"
    PREDICTIONS_CREATE = "predictions:create"
    CONVERSATIONS_VIEW = "conversations:view"
    CONVERSATIONS_DELETE = "conversations:delete"
    USAGE_VIEW = "usage:view"
    AUDIT_VIEW = "audit:view"
    MEMBERS_VIEW = "members:view"
    MEMBERS_UPDATE = "members:update"
    MEMBERS_DELETE = "members:delete"
    INVITATIONS_CREATE = "invitations:create"
    MAILS_VIEW = "mails:view"
    MAILS_UPDATE = "mails:update"
    TEAM_UPDATE = "team:update"
    TEAM_TRANSFER = "team:transfer"
    FLOW_APP_UPDATE = "flow-app:update"
    KEY_POLICY_UPDATE = "key-policy:update"


# What no key ever holds: a program that could change roles could raise whoever made it, and the
# outbox holds the addresses of people.
PEOPLES_OWN = frozenset(
    {
        Permission.MEMBERS_UPDATE,
        Permission.MEMBERS_DELETE,
        Permission.MAILS_VIEW,
        Permission.MAILS_UPDATE,
        Permission.TEAM_UPDATE,
        Permission.TEAM_TRANSFER,
        Permission.FLOW_APP_UPDATE,
        Permission.KEY_POLICY_UPDATE,
    }
)
# What a key can hold; a person's page and the command give `predictions:create` unless told.
SCOPES = frozenset(Permission) - PEOPLES_OWN
# Changing these is of no use without seeing them, so a key that may change them may view them.
_IMPLYING = ("apikeys", "service-accounts")
IMPLIED: Mapping[Permission, Permission] = MappingProxyType(
    {
        Permission(f"{resource}:{verb}"): Permission(f"{resource}:view")
        for resource in _IMPLYING
        for verb in ("create", "update", "delete")
    }
)
# Whom a key with `invitations:create` may invite: never someone who could raise others.
INVITED_BY_KEYS = frozenset({Role.EDITOR, Role.VIEWER})

# Everyone sees who is in the team, and so whom to ask; addresses are shown to those who invite.
_VIEWER = frozenset(
    {
        Permission.CHATFLOWS_VIEW,
        Permission.AGENTFLOWS_VIEW,
        Permission.APIKEYS_VIEW,
        Permission.SERVICE_ACCOUNTS_VIEW,
        Permission.MEMBERS_VIEW,
        Permission.USAGE_VIEW,
    }
)
_EDITOR = _VIEWER | {
    Permission.CHATFLOWS_CREATE,
    Permission.CHATFLOWS_UPDATE,
    Permission.CHATFLOWS_DELETE,
    Permission.AGENTFLOWS_CREATE,
    Permission.AGENTFLOWS_UPDATE,
    Permission.AGENTFLOWS_DELETE,
    Permission.APIKEYS_CREATE,
    Permission.APIKEYS_UPDATE,
    Permission.APIKEYS_DELETE,
    Permission.SERVICE_ACCOUNTS_CREATE,
    Permission.SERVICE_ACCOUNTS_UPDATE,
    Permission.SERVICE_ACCOUNTS_DELETE,
    Permission.PREDICTIONS_CREATE,
    Permission.CONVERSATIONS_VIEW,
}
_ADMIN = _EDITOR | {
    Permission.AUDIT_VIEW,
    Permission.CONVERSATIONS_DELETE,
    Permission.MEMBERS_UPDATE,
    Permission.MEMBERS_DELETE,
    Permission.INVITATIONS_CREATE,
    Permission.FLOW_APP_UPDATE,
    Permission.KEY_POLICY_UPDATE,
    Permission.MAILS_VIEW,
    Permission.MAILS_UPDATE,
}
_OWNER = _ADMIN | {Permission.TEAM_UPDATE, Permission.TEAM_TRANSFER}
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {Role.OWNER: _OWNER, Role.ADMIN: _ADMIN, Role.EDITOR: _EDITOR, Role.VIEWER: _VIEWER}
)


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes with those that they imply. Unknown texts stay as they are."""
    held = frozenset(scopes)
    return held | {implied.value for scope, implied in IMPLIED.items() if scope in held}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the audit trail names them. `address` is the network address, or empty."""

    kind: Literal["person", "key", "command", "system"]
    id: str
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts in which team with which permissions. Sessions and keys make the same principal."""

    team: Team
    actor: Actor
    permissions: frozenset[Permission]
    role_label: str = ""
    role: Role | None = None  # a person's; a key has none

    def may_do(self, permission: Permission) -> bool:
        """Whether this principal holds the permission."""
        return permission in self.permissions

    @property
    def may(self) -> dict[str, bool]:
        """The permissions by name, for templates: `principal.may.apikeys_create`."""
        return {p.name.lower(): p in self.permissions for p in Permission}
