"""The names of all settings, as `.env.example` explains them."""

from difflib import get_close_matches

NAMES = frozenset(
    {
        "ALLOWED_UPSTREAM_NETWORKS",
        "APIKEY_PATH",
        "CURRENCY",
        "DATABASE_URL",
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
        "SHUTDOWN_DELAY",
        "DATABASE_WAIT",
        "OWNER_EMAIL",
        "OWNER_PASSWORD",
        "OWNER_USERNAME",
        "PORT",
        "PUBLIC_URL",
        "TEAM_NAME",
        "TRUSTED_PROXIES",
        "UPSTREAM_FIRST_BYTE_TIMEOUT",
        "UPSTREAM_IDLE_TIMEOUT",
        "UPSTREAM_TOTAL_TIMEOUT",
        "WEB_CONCURRENCY",
        "WORKER",
    }
)
SIMILAR = 0.8  # HOSTNAME and PATH are other programs' names; OWNER_PASSWRD and TRUSTED_PROXY ours


def meant(name: str) -> str | None:
    """Return the setting that a name looks like a misspelling of, or None."""
    close = get_close_matches(name.upper(), NAMES, n=1, cutoff=SIMILAR)
    return close[0] if close and name not in NAMES else None
