"""The session engine: Django's database sessions, stored under a digest of the key.

A reader of the database can't log in with what it holds. The columns that the list of sessions
shows stand beside the content, so that noting a use never rewrites the content.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.utils import timezone

from accounts.models import Session

NOTE_EVERY = timedelta(minutes=1)


def digest_of(key: str) -> str:
    """Return the SHA-256 of a session's key. A plain hash is enough for 165 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DjangosStore):
    """The class of `request.session`."""

    _row: Session | None = None

    # Django's asynchronous half would use the key itself; these run ours in a thread.
    aload, aexists, acreate = SessionBase.aload, SessionBase.aexists, SessionBase.acreate
    asave, adelete = SessionBase.asave, SessionBase.adelete

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def is_note_due(self, now: datetime) -> bool:
        """Whether a person's use of this session has to be noted again, once a minute."""
        if SESSION_KEY not in self or self._row is None:
            return False
        noted = self._row.last_used_at
        return noted is None or abs(now - noted) >= NOTE_EVERY  # a clock can run back

    def load(self) -> dict[str, Any]:
        self._row = Session.objects.filter(
            session_key=digest_of(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if self._row is None:
            self._session_key = None
            return {}
        content: dict[str, Any] = self.decode(self._row.session_data)
        return content

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=digest_of(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(session_key=digest_of(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        noted = self._row or Session()
        return Session(
            session_key=digest_of(self.session_key or ""),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=data.get(SESSION_KEY),
            created_at=noted.created_at,
            last_used_at=noted.last_used_at,
            address=noted.address,
            device=noted.device,
        )
