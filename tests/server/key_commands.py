"""What `control.py` does to keys. Imported once Django is set up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.crypto.keyring import Purpose
from accounts.permissions import Actor
from accounts.services.key_ring import processes
from accounts.services.key_ring import rotation as key_ring_rotation
from apikeys.models import ApiKey
from apikeys.services import keys
from apikeys.services.life import rotation
from chatflows.models import PeriodCount

BY = Actor("command", "tests", "tests")


def change_key(name: str, **values: Any) -> None:
    """Set columns of a key."""
    ApiKey.objects.filter(name=name).update(**values)


def counts(name: str) -> dict[str, int]:
    """What a key took in each day and month, as it is stored."""
    rows = PeriodCount.objects.filter(subject=_key(name).id)
    return dict(rows.values_list("period", "calls"))


def spent(name: str) -> dict[str, int]:
    """What a key, or a chatflow by its id, took and reserved this month."""
    key = ApiKey.objects.kept().filter(name=name).first()
    found = PeriodCount.objects.filter(
        subject=key.id if key else name, period=f"{timezone.now():%Y-%m}"
    ).first()
    count = found or PeriodCount()
    names = ("calls", "tokens", "cost", "reserved_tokens", "reserved_cost")
    return {each: getattr(count, each) for each in names}


def disable(name: str) -> None:
    """Disable a key."""
    keys.disable(_key(name), BY)


def enable(name: str) -> None:
    """Enable a key."""
    keys.enable(_key(name), BY)


def delete(name: str) -> None:
    """Delete a key."""
    keys.delete(_key(name), BY)


def rotate(name: str) -> str:
    """Rotate a key with an overlap of an hour; the new text."""
    return rotation.rotate(_key(name), BY, overlap=timedelta(hours=1))


def retire(name: str) -> None:
    """End the old secret of a rotation."""
    rotation.retire(_key(name), BY)


def end_old(name: str, seconds: float) -> float:
    """Let the overlap of a rotation end so many seconds from now; the moment (since 1970)."""
    old = _key(name).old_secret
    assert old is not None
    old.ends_at = timezone.now() + timedelta(seconds=seconds)
    old.save(update_fields=["ends_at"])
    return old.ends_at.timestamp()


def replace(name: str) -> str:
    """Replace a key's secret; the new text."""
    return keys.issue(_key(name), BY, replace=True)


def expire(name: str, seconds: float = -1e-6) -> None:
    """Let a key expire in so many seconds, or have expired a moment ago."""
    change_key(name, expires_at=timezone.now() + timedelta(seconds=seconds))


def peppers() -> list[int]:
    """Which pepper each running process uses."""
    return [seen.uses["pepper"] for seen in processes.running()]


def rotate_ring(step: str, purpose: str) -> Any:
    """Do a step of a rotation of the key ring; what it returns, or why it was refused."""
    try:
        return getattr(key_ring_rotation, step)(Purpose(purpose), BY)
    except key_ring_rotation.Refused as refused:
        return str(refused)


def _key(name: str) -> ApiKey:
    return ApiKey.objects.kept().get(name=name)


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        change_key,
        counts,
        spent,
        disable,
        enable,
        delete,
        rotate,
        retire,
        end_old,
        replace,
        expire,
        peppers,
        rotate_ring,
    )
}
