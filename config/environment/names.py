"""The names of all settings, as `.env.example` explains them."""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

NAMES = frozenset(
    {
        "ALLOWED_UPSTREAM_NETWORKS",
        "APIKEY_PATH",
        "CURRENCY",
        "DATABASE_URL",
        "DATABASE_WAIT",
        "DEBUG",
        "EMAIL_URL",
        "FLOWLATCH_DATA",
        "FLOW_PASSWORD",
        "FLOW_USERNAME",
        "HOST",
        "INVITATION_DAYS",
        "LIMITS_URL",
        "MAIL_FROM",
        "MAX_BODY_BYTES",
        "MAX_BUFFERED_BYTES",
        "MAX_STREAMS",
        "MAX_STREAMS_PER_ADDRESS",
        "MAX_STREAMS_PER_KEY",
        "METRICS_TOKEN",
        "OWNER_EMAIL",
        "OWNER_PASSWORD",
        "OWNER_USERNAME",
        "PORT",
        "PUBLIC_URL",
        "SHUTDOWN_DELAY",
        "TEAM_NAME",
        "TRUSTED_PROXIES",
        "UPSTREAM_FIRST_BYTE_TIMEOUT",
        "UPSTREAM_IDLE_TIMEOUT",
        "UPSTREAM_TOTAL_TIMEOUT",
        "WEB_CONCURRENCY",
        "WORKER",
    }
)
# Each can be in a file of its own instead: see config/environment/secrets.py.
SECRETS = frozenset(
    {
        "DATABASE_URL",
        "EMAIL_URL",
        "FLOW_PASSWORD",
        "LIMITS_URL",
        "METRICS_TOKEN",
        "OWNER_PASSWORD",
    }
)
FILE = "_FILE"
ALL = NAMES | {name + FILE for name in SECRETS}
SIMILAR = 0.8  # HOSTNAME and PATH are other programs' names; OWNER_PASSWRD and TRUSTED_PROXY ours
# A key in a terminal, as our guides have it, and what Kubernetes sets for a service of our name.
_NOT_OURS = re.compile(r"FLOWLATCH_(KEY|PORT|PORT_.*|SERVICE_.*)")


def meant(name: str) -> str | None:
    """Return the setting that a name looks like a misspelling of, or None."""
    close = get_close_matches(name.upper(), ALL, n=1, cutoff=SIMILAR)
    return close[0] if close and name not in ALL else None


def doubts(in_file: Collection[str], outside: Iterable[str]) -> list[str]:
    """Return a warning for each name that is no setting and looks like one of ours."""
    found = [(".env", name) for name in in_file]
    found += [("the environment", name) for name in outside if name not in in_file]
    return [
        f"Warning: {place} sets {name}, {told}" for place, name in found if (told := _doubt(name))
    ]


def _doubt(name: str) -> str:
    if name in ALL:
        return ""
    if name.removesuffix(FILE) in NAMES:
        return f"but only secrets can be in a file. Set {name.removesuffix(FILE)}."
    if ours := meant(name):
        return f"which is no setting. Did you mean {ours}?"
    is_ours = name.startswith("FLOWLATCH_") and not _NOT_OURS.fullmatch(name)
    return "which is no setting of this version." if is_ours else ""
