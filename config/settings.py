"""All settings, from the environment (`.env.example` lists the names)."""

import ipaddress
import os
from email.utils import getaddresses, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject

from accounts.crypto import keyring
from config import databases, limit_stores, logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")


def _number(name: str, default: int) -> int:
    try:
        return int(env.str(name, default=str(default)))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from None


def _networks(
    name: str, default: str = ""
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        texts = [text.strip() for text in env.str(name, default=default).split(",")]
        return tuple(ipaddress.ip_network(text) for text in texts if text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a list of networks: {error}.") from None


def _database() -> dict[str, Any]:
    try:
        url = env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/flowlatch.sqlite3")
        return databases.configured(url)
    except databases.UnknownDatabase as error:
        raise ImproperlyConfigured(str(error)) from None
    except (ValueError, ImproperlyConfigured):  # the message could quote the password
        raise ImproperlyConfigured(
            "DATABASE_URL can't be read. Write characters like @ : / # ? % of a password as "
            "%40 %3A %2F %23 %3F %25."
        ) from None


def _mail_server() -> dict[str, Any]:
    if not env.str("EMAIL_URL", default=""):
        return {}
    try:
        server: dict[str, Any] = env.email_url("EMAIL_URL")
        known = {"smtp", "smtps", "smtp+tls", "smtp+ssl"}
        if urlsplit(env.str("EMAIL_URL")).scheme not in known or not server["EMAIL_HOST"]:
            raise ValueError
    except Exception:  # the message could quote the password
        raise ImproperlyConfigured(
            "EMAIL_URL can't be read. Write smtp+tls://user:password@host:587, and characters like "
            "@ : / # ? % of a password as %40 %3A %2F %23 %3F %25."
        ) from None
    return server


def _limits_url() -> str:
    url: str = env.str("LIMITS_URL", default="").strip()
    if url and not limit_stores.is_readable(url):  # nothing is quoted: a password can be in it
        raise ImproperlyConfigured(f"LIMITS_URL can't be read. {limit_stores.FORMS}")
    return url


def _worker(text: str) -> str:
    if text not in ("internal", "external"):
        raise ImproperlyConfigured("WORKER must be internal or external.")
    return text


def _mail_from(text: str) -> str:
    text = text or f"Flowlatch <flowlatch@{urlsplit(PUBLIC_URL).hostname}>"
    if len(getaddresses([text])) != 1 or "@" not in parseaddr(text)[1]:
        raise ImproperlyConfigured("MAIL_FROM must be one address: Flowlatch <name@example.com>.")
    return text


def _local_url(host: str, port: int) -> str:
    # Nobody can open 0.0.0.0 or ::; from this machine the loopback leads there.
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _public_url(text: str) -> str:
    parts = urlsplit(text.strip())
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    is_plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if scheme not in ("http", "https") or not host or not is_plain:
        raise ImproperlyConfigured(
            "PUBLIC_URL must be http:// or https:// and a host, and nothing behind it."
        )
    return f"{scheme}://{host}"


VERSION = "0.1.0"
# The release of Flowise whose protocol the gate speaks; its clients ask for it.
FLOWISE_VERSION = "3.1.3"

DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("FLOWLATCH_DATA", default=str(BASE_DIR / "var"))).resolve()
KEY_RING_PATH = DATA_DIR / "keyring.json"


# Read at first use, so that commands which need no key run before the ring is made.
def _secret_key() -> str:
    return keyring.load(KEY_RING_PATH).current(keyring.Purpose.SIGNING)[1].hex()


SECRET_KEY: Any = SimpleLazyObject(_secret_key)

# Where we listen, and the address that people and programs use.
HOST = env.str("HOST", default="127.0.0.1")
PORT = _number("PORT", 8000)
if not 0 < PORT < 65536:
    raise ImproperlyConfigured("PORT must be from 1 to 65535.")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
PUBLIC_URL = _public_url(env.str("PUBLIC_URL", default="") or _local_url(HOST, PORT))
PUBLIC_HOST = urlsplit(PUBLIC_URL).netloc
IS_HTTPS = PUBLIC_URL.startswith("https://")
# Django compares the name alone, without port and trailing dot.
ALLOWED_HOSTS = sorted({urlsplit(PUBLIC_URL).hostname or "", *LOOPBACK_NAMES} - {""})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
TRUSTED_PROXIES = _networks("TRUSTED_PROXIES")
# Loopback is listed so that a Flowise, Ollama or vLLM on this machine works at once.
ALLOWED_UPSTREAM_NETWORKS = _networks("ALLOWED_UPSTREAM_NETWORKS", "127.0.0.0/8,::1/128")
# Seconds until an upstream's first byte, for a silence after it, and for a whole answer.
UPSTREAM_FIRST_BYTE_TIMEOUT = _number("UPSTREAM_FIRST_BYTE_TIMEOUT", 120)
UPSTREAM_IDLE_TIMEOUT = _number("UPSTREAM_IDLE_TIMEOUT", 300)
UPSTREAM_TOTAL_TIMEOUT = _number("UPSTREAM_TOTAL_TIMEOUT", 1800)
# How many answers of upstreams may run at once, in one process and for one key.
MAX_STREAMS = _number("MAX_STREAMS", 2000)
MAX_STREAMS_PER_KEY = _number("MAX_STREAMS_PER_KEY", 1000)
# The size of a question with its files, and of all bodies that one process holds at a time.
MAX_BODY_BYTES = _number("MAX_BODY_BYTES", 12 * 2**20)
MAX_BUFFERED_BYTES = _number("MAX_BUFFERED_BYTES", 128 * 2**20)
WEB_CONCURRENCY = _number("WEB_CONCURRENCY", 1)
# The store that counts rates for all processes. Empty: each process counts (accounts/limits).
LIMITS_URL = _limits_url()
# Whether a serving process sends mail and cleans up, or only `manage.py worker`.
WORKER = _worker(env.str("WORKER", default="internal"))

# The first owner, unattended (see chatflows/services/onboarding.py).
# Not read by env, which takes a value that begins with `$` for another variable's name.
OWNER_EMAIL = os.environ.get("OWNER_EMAIL", "")
OWNER_PASSWORD = os.environ.get("OWNER_PASSWORD", "")
OWNER_USERNAME = os.environ.get("OWNER_USERNAME", "")
TEAM_NAME = os.environ.get("TEAM_NAME", "")
# The first team's flow app (see chatflows/flow_app/flow_apps.py).
FLOW_USERNAME = os.environ.get("FLOW_USERNAME", "")
FLOW_PASSWORD = os.environ.get("FLOW_PASSWORD", "")

# How many days an invitation's link opens.
INVITATION_DAYS = _number("INVITATION_DAYS", 7)
if not 1 <= INVITATION_DAYS <= 7:
    raise ImproperlyConfigured("INVITATION_DAYS must be from 1 to 7.")

INSTALLED_APPS = [
    "config",  # first, so that its runserver replaces Django's
    "accounts",
    "apikeys",
    "chatflows",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "lucide",
    "template_partials",
]
MIDDLEWARE = [
    "accounts.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.SessionUseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.page",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Data.
DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# In the database: all processes share it, and it survives restarts.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# People.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.adapter.ActivePeopleBackend"]
PASSWORD_HASHERS = ["accounts.login.hashers.Argon2Hasher"]
_DJANGO_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_DJANGO_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.login.password_rules.MaximumBytesValidator"},
    {"NAME": "accounts.login.password_rules.EasyPasswordValidator"},
    {"NAME": f"{_DJANGO_VALIDATORS}.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.login.LoginForm",
    "reauthenticate": "accounts.forms.login.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # seconds
ACCOUNT_RATE_LIMITS = False  # ours are in accounts/limits/lock_outs.py

# Cookies and headers follow PUBLIC_URL.
SESSION_COOKIE_NAME = "__Host-flowlatch" if IS_HTTPS else "flowlatch"
# The visits of flow apps have another cookie and another table, and open nothing else.
FLOW_COOKIE_NAME = "__Host-flowlatch-flow" if IS_HTTPS else "flowlatch-flow"
CSRF_COOKIE_NAME = "__Host-flowlatch-csrf" if IS_HTTPS else "flowlatch-csrf"
DEVICE_COOKIE_NAME = "__Host-flowlatch-device" if IS_HTTPS else "flowlatch-device"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_ENGINE = "accounts.login.session_store"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.errors.csrf_failed"
SECURE_HSTS_SECONDS = 365 * 24 * 3600  # sent over https alone
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = (
    2 * 1024 * 1024
)  # bytes; the gate refuses larger bodies before Django reads them

# Files of our own pages.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

# Mail waits in the outbox until the worker sends it (accounts/mail/outbox.py). Empty means that
# there is no server, and pages say that no mail was sent. No other code can send mail.
MAIL_SERVER = _mail_server()
MAIL_FROM = _mail_from(env.str("MAIL_FROM", default=""))
EMAIL_BACKEND = "accounts.mail.backends.Refusing"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = logs.configuration()
# The server runs the checks at its start, and a page without a policy stops it.
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # usernames are unique without regard to case, by a constraint
    "security.W008",  # the proxy in front redirects to https, and behind it every request is http
    "security.W021",  # the owner of the domain decides about HSTS preload
    "security.W005",  # likewise about subdomains
    *([] if IS_HTTPS else ["security.W012", "security.W016"]),
]
