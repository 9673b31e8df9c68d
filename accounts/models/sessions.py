"""Sessions: where a person is logged in. The cookie holds the key, the table its digest."""

from datetime import datetime
from importlib import import_module
from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

from accounts.models.users import User


class SessionManager(BaseSessionManager["Session"]):
    """Sessions of people."""

    def of(self, user: User, now: datetime) -> models.QuerySet["Session"]:
        """Return the open sessions of a person, the last used first."""
        mine = self.filter(user=user, expire_date__gt=now)
        return mine.order_by(models.F("last_used_at").desc(nulls_last=True), "-created_at")


class Session(AbstractBaseSession):
    """One browser's session; `user` is empty until somebody logs in."""

    session_key = models.CharField("digest of the key", max_length=64, primary_key=True)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=45, blank=True)
    device = models.CharField(max_length=60, blank=True)

    objects: ClassVar[SessionManager] = SessionManager()

    def __str__(self) -> str:
        return "session"

    @classmethod
    def get_session_store_class(cls) -> type:
        """Return the session engine's class, which Django uses to read a row."""
        store: type = import_module(settings.SESSION_ENGINE).SessionStore
        return store
