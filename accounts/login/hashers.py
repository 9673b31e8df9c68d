"""argon2id with parameters for a small server: 19 MiB, two passes, one lane."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher, make_password

from accounts.login.password_rules import is_too_long, normalized

# Two at once: a burst of logins takes 38 MiB at most, the others wait their turn, but not for long.
_SLOTS = threading.BoundedSemaphore(2)
WAIT_FOR_SLOT = 3  # seconds; then the page answers 503
# Of these visitors of flow apps take one at most: a flood of theirs leaves the other to members.
_VISITORS = threading.BoundedSemaphore(1)
WAIT_FOR_TURN = 1.5  # seconds, before the wait for a slot


@contextmanager
def visitors_turn() -> Iterator[None]:
    """Wait for the turn to check a visitor's password. Raises TimeoutError if too many wait."""
    with _taken(_VISITORS, WAIT_FOR_TURN):
        yield


@contextmanager
def _taken(places: threading.BoundedSemaphore, seconds: float) -> Iterator[None]:
    if not places.acquire(timeout=seconds):
        raise TimeoutError("too many passwords are being checked")
    try:
        yield
    finally:
        places.release()


class Argon2Hasher(Argon2PasswordHasher):
    """OWASP's argon2id minimum (m=19 MiB, t=2, p=1); Django's own default takes 100 MiB a login."""

    memory_cost = 19 * 1024  # KiB
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash the normalized password. One over 4 KiB, which no rule lets by, opens nothing.

        It takes as long as `verify`, because it stands in for a check where nobody is known.
        """
        encode = super().encode
        with _taken(_SLOTS, WAIT_FOR_SLOT):
            hashes = {text: encode(text, salt) for text in _forms(password)}
        return hashes.get(normalized(password)) or make_password(None)

    def verify(self, password: str, encoded: str) -> bool:
        """Check a password, normalized and as it was typed: old hashes were made of that.

        One over 4 KiB is wrong without any work.
        """
        verify = super().verify
        with _taken(_SLOTS, WAIT_FOR_SLOT):
            found = [verify(text, encoded) for text in _forms(password)]  # all: equal time
        return any(found)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: every check of a password already costs the same."""


def _forms(password: str) -> list[str]:
    """Return the texts that a password is hashed as: one, unless normalizing changes it."""
    return [
        text for text in dict.fromkeys((normalized(password), password)) if not is_too_long(text)
    ]
