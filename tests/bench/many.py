"""Very many keys and chatflows, made by bulk inserts, for measurements and for a look at pages.

No text of a key is known: the digests are random. The names, states and uses are mixed as in life.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import ServiceAccount, Team, User
from accounts.models.names import fold
from apikeys.key_text import ALPHABET
from apikeys.models import ApiKey, KeySecret
from chatflows.models import Call, Chatflow, Selection, UsageHour

WHAT = (
    "crm-sync",
    "fleet-tablet",
    "helpdesk-bridge",
    "mobile-app",
    "partner-portal",
    "store-kiosk",
)
WHERE = ("aalborg", "bergen", "delft", "espoo", "ghent", "lund", "odense", "tartu", "umea", "visby")
BUSY = 5_000  # keys that the first chatflow has
USED = 20_000  # keys with calls in the last days
CALLS = 50_000
MAKERS, ACCOUNTS = 20, 200


class Made(NamedTuple):
    """Ids to measure with."""

    team: Team
    chatflows: list[UUID]
    public_ids: list[str]


def fill(team: Team, keys: int, chatflows: int) -> Made:
    """Fill a team. The same numbers make the same rows."""
    dice = random.Random(7)
    now = timezone.now()
    makers = [_maker(n) for n in range(MAKERS)]
    accounts = [_account(team, n) for n in range(ACCOUNTS)]
    # In the order of their index, or a disk would be asked at each row.
    flows = sorted(_uuid(dice) for _ in range(chatflows))
    ids = sorted(_uuid(dice) for _ in range(keys))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite" and not connection.in_atomic_block:
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA cache_size=-1500000")  # KiB
    public = [_public_id(dice) for _ in range(keys)]
    pairs = [*_selections(team, dice, ids, flows)]
    with transaction.atomic():
        insert(Chatflow(team=team), ("id", "name", "name_key", "created_at"), _named(flows, now))
        insert(
            ApiKey(team=team, scopes=["predictions:create"]),
            (
                *("id", "name", "name_key", "created_at", "last_used_at", "disabled_at"),
                *("expires_at", "created_by_id", "service_account_id", "environment"),
            ),
            ((key_id, *_key(dice, n, makers, accounts)) for n, key_id in enumerate(ids)),
        )
        insert(
            KeySecret(pepper_version=1),
            ("key_id", "public_id", "digest", "created_at"),
            (
                (key, name, f"{key.hex}{key.hex}", now)
                for key, name in zip(ids, public, strict=True)
            ),
        )
        insert(Selection(), ("chatflow_id", "key_id"), pairs)
        _use(team, dice, pairs, dict(zip(ids, public, strict=True)), now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Made(team, flows, public)


def found(team: Team) -> Made | None:
    """Return what `fill` made earlier, or None."""
    flows = Chatflow.objects.of(team).filter(name__contains=" helper ").order_by("created_at", "pk")
    ids = [*flows.values_list("pk", flat=True)]
    busy = Selection.objects.values_list("chatflow").annotate(n=models.Count("pk")).order_by("-n")
    names = KeySecret.objects.filter(key__name__contains="-lund-").values_list(
        "public_id", flat=True
    )
    return Made(team, [busy[0][0], *ids], [*names[:50_000]]) if ids else None


def _named(ids: Sequence[UUID], now: datetime) -> Iterator[tuple[Any, ...]]:
    for n, flow_id in enumerate(ids):
        name = f"{WHAT[n % len(WHAT)]} helper {n}"
        yield flow_id, name, fold(name), now


def _key(
    dice: random.Random, n: int, makers: Sequence[User], accounts: Sequence[ServiceAccount]
) -> tuple[Any, ...]:
    now = timezone.now()
    name = f"{WHAT[n % len(WHAT)]}-{WHERE[n // 7 % len(WHERE)]}-{n}"
    made = now - timedelta(seconds=dice.randrange(40_000_000))
    used = None if n % 5 == 0 else now - timedelta(seconds=dice.randrange(30_000_000))
    disabled = now if n % 20 == 3 else None
    expires = now + timedelta(days=dice.randrange(-100, 300)) if n % 25 == 4 else None
    account = dice.choice(accounts).pk if n % 10 == 1 else None
    environment = ("production", "staging", "development")[n % 3]
    return (
        *(name, fold(name), made, used, disabled),
        *(expires, dice.choice(makers).pk, account, environment),
    )


def _selections(
    team: Team, dice: random.Random, ids: Sequence[UUID], flows: Sequence[UUID]
) -> Iterator[tuple[UUID, UUID]]:
    """Every key opens one chatflow or two; the first chatflow has many; DefaultKey opens all."""
    default = ApiKey.objects.of(team).kept().filter(name=ApiKey.DEFAULT_NAME).first()
    for n, key_id in enumerate(ids):
        chosen = dice.sample(range(1, len(flows)), 2 if n % 3 == 0 else 1)
        yield from ((flows[each], key_id) for each in chosen)
        if n < BUSY:
            yield flows[0], key_id
    if default is not None:
        yield from ((flow, default.pk) for flow in flows)


def _use(
    team: Team,
    dice: random.Random,
    pairs: Sequence[tuple[UUID, UUID]],
    public: dict[UUID, str],
    now: datetime,
) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    callers = [(flow, key) for flow, key in pairs[:USED] if key in public]
    insert(
        UsageHour(team=team, last_at=now),
        ("key_id", "public_id", "chatflow_id", "hour", "let_in", "refused"),
        (
            (key, public[key], flow, hour - timedelta(days=day), dice.randrange(1, 200), day % 3)
            for flow, key in callers
            for day in range(14)
        ),
    )
    insert(
        Call(team=team, status=200, code="ok", reason="ok", allowed=True, duration_ms=3),
        ("key_id", "public_id", "chatflow_id", "at", "request_id"),
        (
            (key, public[key], flow, now - timedelta(seconds=CALLS - n), f"req_{n:016d}")
            for n, (flow, key) in enumerate(dice.choices(callers, k=CALLS))
        ),
    )


def insert(like: models.Model, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert copies of an instance with other values in some columns."""
    fields = [f for f in like._meta.local_concrete_fields if not isinstance(f, models.AutoField)]
    usual = [f.get_db_prep_save(getattr(like, f.attname), connection) for f in fields]
    places = [[f.attname for f in fields].index(name) for name in names]
    prepare = [fields[place].get_db_prep_save for place in places]

    def whole(row: Sequence[Any]) -> list[Any]:
        values = [*usual]
        for place, prepared, value in zip(places, prepare, row, strict=True):
            values[place] = prepared(value, connection)
        return values

    columns = ", ".join(f'"{f.column}"' for f in fields)
    table = f'"{like._meta.db_table}"'
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(whole(row))
            return
        marks = ", ".join(["%s"] * len(fields))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        cursor.executemany(statement, (whole(row) for row in rows))  # type: ignore[arg-type]


def _maker(n: int) -> User:
    return User.objects.create(username=f"maker{n}", email=f"maker{n}@example.com")


def _account(team: Team, n: int) -> ServiceAccount:
    account = ServiceAccount(team=team, name=f"machine-{n}", environment="production")
    account.store()
    return account


def _uuid(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)


def _public_id(dice: random.Random) -> str:
    return "".join(dice.choices(ALPHABET, k=12))
