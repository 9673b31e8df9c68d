"""Permissions: the role table, cell by cell."""

import re
from itertools import pairwise

import pytest

from accounts.models import Role, Team
from accounts.permissions import (
    IMPLIED,
    INVITED_BY_KEYS,
    ROLE_PERMISSIONS,
    SCOPES,
    Actor,
    Permission,
    Principal,
    with_implied,
)

pytestmark = pytest.mark.fast

#                      owner  admin  editor viewer
TABLE = {
    "chatflows:view": (True, True, True, True),
    "chatflows:create": (True, True, True, False),
    "chatflows:update": (True, True, True, False),
    "chatflows:delete": (True, True, True, False),
    "agentflows:view": (True, True, True, True),
    "agentflows:create": (True, True, True, False),
    "agentflows:update": (True, True, True, False),
    "agentflows:delete": (True, True, True, False),
    "apikeys:view": (True, True, True, True),
    "apikeys:create": (True, True, True, False),
    "apikeys:update": (True, True, True, False),
    "apikeys:delete": (True, True, True, False),
    "service-accounts:view": (True, True, True, True),
    "service-accounts:create": (True, True, True, False),
    "service-accounts:update": (True, True, True, False),
    "service-accounts:delete": (True, True, True, False),
    "predictions:create": (True, True, True, False),
    "conversations:view": (True, True, True, False),
    "conversations:delete": (True, True, False, False),
    "usage:view": (True, True, True, True),
    "audit:view": (True, True, False, False),
    "members:view": (True, True, True, True),
    "members:update": (True, True, False, False),
    "members:delete": (True, True, False, False),
    "invitations:create": (True, True, False, False),
    "mails:view": (True, True, False, False),
    "mails:update": (True, True, False, False),
    "team:update": (True, False, False, False),
    "team:transfer": (True, False, False, False),
    "flow-app:update": (True, True, False, False),
    "key-policy:update": (True, True, False, False),
}
# What a key can't hold, whoever makes it.
PEOPLES_OWN = {
    "members:update",
    "members:delete",
    "mails:view",
    "mails:update",
    "team:update",
    "team:transfer",
    "flow-app:update",
    "key-policy:update",
}
ROLES = (Role.OWNER, Role.ADMIN, Role.EDITOR, Role.VIEWER)


def test_the_table_has_every_permission_and_every_role() -> None:
    assert set(TABLE) == {permission.value for permission in Permission}
    assert set(ROLES) == set(Role) == set(ROLE_PERMISSIONS)


@pytest.mark.parametrize("permission", Permission)
def test_a_role_may_what_the_table_says(permission: Permission) -> None:
    may = tuple(permission in ROLE_PERMISSIONS[role] for role in ROLES)
    assert may == TABLE[permission]


def test_a_higher_role_may_all_that_a_lower_one_may() -> None:
    for higher, lower in pairwise(ROLES):
        assert ROLE_PERMISSIONS[higher] >= ROLE_PERMISSIONS[lower]


def test_the_table_cannot_be_changed_at_run_time() -> None:
    with pytest.raises(TypeError):
        ROLE_PERMISSIONS[Role.VIEWER] = frozenset(Permission)  # type: ignore[index]


def test_a_key_can_hold_no_scope_that_is_no_permission() -> None:
    assert Permission.PREDICTIONS_CREATE in SCOPES
    assert {permission.value for permission in set(Permission) - SCOPES} == PEOPLES_OWN


@pytest.mark.parametrize("resource", ["apikeys", "service-accounts"])
@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_whoever_may_change_keys_or_accounts_may_view_them(resource: str, verb: str) -> None:
    assert with_implied([f"{resource}:{verb}"]) == {f"{resource}:{verb}", f"{resource}:view"}


def test_other_scopes_imply_nothing() -> None:
    alone = {"chatflows:update", "agentflows:delete", "predictions:create", "nonsense"}
    assert with_implied(alone) == alone
    assert set(IMPLIED.values()) <= SCOPES


def test_a_key_never_invites_someone_who_could_raise_others() -> None:
    raising = {role for role in Role if Permission.MEMBERS_UPDATE in ROLE_PERMISSIONS[role]}
    assert not INVITED_BY_KEYS & raising
    assert set(Role) - raising == INVITED_BY_KEYS


def test_a_higher_role_reaches_a_lower_one_and_never_the_other_way() -> None:
    for place, role in enumerate(ROLES):
        assert all(role.reaches(other) for other in ROLES[place:])
        assert not any(role.reaches(other) for other in ROLES[:place])


def test_templates_are_told_the_same_as_guards() -> None:
    principal = Principal(Team(), Actor("system", "", ""), ROLE_PERMISSIONS[Role.VIEWER])
    for permission in Permission:
        name = re.sub("[:-]", "_", permission.value)
        assert principal.may[name] is principal.may_do(permission)
