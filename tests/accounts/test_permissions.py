"""Permissions: the role table, cell by cell."""

import re
from itertools import pairwise

import pytest

from accounts.models import Role, Team
from accounts.permissions import ROLE_PERMISSIONS, SCOPES, Actor, Permission, Principal

pytestmark = pytest.mark.fast

#                      owner  admin  editor viewer
TABLE = {
    "chatflows:view": (True, True, True, True),
    "chatflows:create": (True, True, True, False),
    "chatflows:update": (True, True, True, False),
    "chatflows:delete": (True, True, True, False),
    "apikeys:view": (True, True, True, True),
    "apikeys:create": (True, True, True, False),
    "apikeys:update": (True, True, True, False),
    "apikeys:delete": (True, True, True, False),
    "service-accounts:view": (True, True, True, True),
    "service-accounts:create": (True, True, True, False),
    "service-accounts:update": (True, True, True, False),
    "service-accounts:delete": (True, True, True, False),
    "predictions:create": (True, True, True, False),
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
}
# What a key can't hold, whoever makes it.
PEOPLES_OWN = {
    "members:update",
    "members:delete",
    "team:update",
    "team:transfer",
    "flow-app:update",
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


def test_a_higher_role_reaches_a_lower_one_and_never_the_other_way() -> None:
    for place, role in enumerate(ROLES):
        assert all(role.reaches(other) for other in ROLES[place:])
        assert not any(role.reaches(other) for other in ROLES[:place])


def test_templates_are_told_the_same_as_guards() -> None:
    principal = Principal(Team(), Actor("system", "", ""), ROLE_PERMISSIONS[Role.VIEWER])
    for permission in Permission:
        name = re.sub("[:-]", "_", permission.value)
        assert principal.may[name] is principal.may_do(permission)
