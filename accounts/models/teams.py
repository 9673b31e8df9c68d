"""Teams and memberships: the tenants, and who belongs to them."""

import uuid
from typing import Self, TypeVar

from django.conf import settings
from django.db import models

from accounts.models.users import initials

M_co = TypeVar("M_co", bound="TeamOwned", covariant=True)


class Role(models.TextChoices):
    """A member's role in a team. `accounts.permissions` says what each role may do."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"

    def reaches(self, other: "Role") -> bool:
        """Whether this role is `other` or above it, and so may give, change or end it."""
        order = list(Role)
        return order.index(self) <= order.index(other)


class Team(models.Model):
    """A tenant. Everything belongs to one team; nothing crosses teams."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=60, unique=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return initials(self.name)


class TeamQuerySet(models.QuerySet[M_co]):
    """Rows of team-owned models. Every query of a page or the API starts with `of`."""

    def of(self, team: Team) -> Self:
        """The rows of one team."""
        return self.filter(team=team)


class TeamOwned(models.Model):
    """Base of models that belong to one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True


class Membership(TeamOwned):
    """A person's place in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
