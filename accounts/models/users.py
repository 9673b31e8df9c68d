"""Users: people who log in."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower


class Theme(models.TextChoices):
    """The colours of pages, where a person wants others than the system's."""

    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class UserManager(BaseUserManager["User"]):
    """Find people regardless of case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username__iexact=username)

    def create_user(self, username: str, email: str, password: str, **more: Any) -> "User":
        """Make a person. The caller has checked the password against the rules."""
        user = self.model(username=username, email=email, **more)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person. Permissions come from memberships, never from the user."""

    username = models.CharField(
        max_length=64,
        validators=[
            RegexValidator(
                r"\A[A-Za-z0-9_.\-]+\Z",
                "Use letters from A to Z, digits, dots, hyphens and underscores only.",
            ),
        ],
    )
    email = models.EmailField("e-mail", max_length=254)
    # When the person was seen to read mail here; a link that was handed over proves nothing.
    email_verified_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # Where the front page leads, as long as the person is a member there.
    last_team = models.ForeignKey(
        "accounts.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    # An address that still has to be confirmed by the link that was sent there.
    new_email = models.EmailField(max_length=254, blank=True)
    theme = models.CharField(max_length=5, choices=Theme.choices, blank=True)  # empty: the system's
    time_zone = models.CharField(max_length=64, default="UTC")  # a name of the IANA database

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_any_case"),
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return initials(self.username.replace(".", " ").replace("-", " ").replace("_", " "))


def initials(name: str) -> str:
    """Return the first letters of the first two words, or two letters of a single word."""
    words = name.split()
    letters = words[0][:2] if len(words) == 1 else "".join(word[0] for word in words[:2])
    return letters.upper()
