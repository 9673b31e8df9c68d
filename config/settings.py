"""All settings, from the environment (`.env.example` lists the names)."""

import warnings
from collections.abc import Callable
from email.utils import formataddr, getaddresses
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject

from accounts.crypto import keyring
from accounts.network import hosts
from config import databases, limit_stores, logs
from config.environment import files, version
from config.environment.values import (
    choice,
    currency,
    exact,
    is_on,
    networks,
    number,
    secret_url,
    text,
    token,
)

BASE_DIR = Path(__file__).resolve().parent.parent

_DATABASE_SCHEMES = {
    scheme
    for scheme, engine in environ.Env.DB_SCHEMES.items()
    if engine in (databases.SQLITE, databases.POSTGRESQL)
}


def _parsed(parse: Callable[[str], dict[str, Any]], url: str) -> dict[str, Any]:
    with warnings.catch_warnings():  # the library's warnings quote the password
        warnings.simplefilter("ignore")
        return parse(url)


def _database() -> dict[str, Any]:
    url = secret_url("DATABASE_URL", f"sqlite:///{DATA_DIR}/flowlatch.sqlite3")
    try:
        if urlsplit(url).scheme not in _DATABASE_SCHEMES:
            raise databases.UnknownDatabase
        found = databases.configured(_parsed(environ.Env.db_url_config, url))
    except databases.UnknownDatabase as error:
        raise ImproperlyConfigured(str(error)) from None
    except Exception:  # the message could quote the password
        raise ImproperlyConfigured(
            "DATABASE_URL can't be read. Write characters like @ : / # ? % of a password as "
            "%40 %3A %2F %23 %3F %25."
        ) from None
    if found["ENGINE"] == databases.POSTGRESQL and "pool" in found["OPTIONS"]:
        from config.postgresql import BoundedConnection  # noqa: PLC0415 (it loads a driver)

        pool = {**found["OPTIONS"]["pool"], "connection_class": BoundedConnection}
        found["OPTIONS"] = {**found["OPTIONS"], "pool": pool}
    return found


def _mail_server() -> dict[str, Any]:
    url = secret_url("EMAIL_URL")
    if not url:
        return {}
    try:
        known = urlsplit(url).scheme in {"smtp", "smtps", "smtp+tls", "smtp+ssl"}
        server = _parsed(environ.Env.email_url_config, url) if known else {}
        if not server.get("EMAIL_HOST"):
            raise ValueError
    except Exception:  # the message could quote the password
        raise ImproperlyConfigured(
            "EMAIL_URL can't be read. Write smtp+tls://user:password@host:587, and characters like "
            "@ : / # ? % of a password as %40 %3A %2F %23 %3F %25."
        ) from None
    return server


def _limits_url() -> str:
    url = secret_url("LIMITS_URL")
    if url and not limit_stores.is_readable(url):  # nothing is quoted: a password can be in it
        raise ImproperlyConfigured(f"LIMITS_URL can't be read. {limit_stores.FORMS}")
    return url


def _mail_from(given: str) -> str:
    found = getaddresses([given]) if given.isprintable() else []
    address = found[0][1] if len(found) == 1 else ""
    local, _, host = address.rpartition("@")
    try:
        plain = host if host.isascii() else hosts.domain(host)
    except hosts.Unreadable:
        plain = ""
    if not (local and local.isascii() and plain and address in given):
        raise ImproperlyConfigured("MAIL_FROM must be one address: Flowlatch <name@example.com>.")
    return given if host.isascii() else formataddr((found[0][0], f"{local}@{plain}"))


def _host(given: str) -> str:
    try:
        return hosts.listening_host(given)
    except hosts.Unreadable as error:
        raise ImproperlyConfigured(f"HOST {error}.") from None


def _public_url(given: str) -> hosts.PublicUrl:
    try:
        return hosts.public_url(given or hosts.local_url(HOST, PORT))
    except hosts.Unreadable as error:
        name = "PUBLIC_URL" if given else "PUBLIC_URL is not set, and made from HOST it"
        raise ImproperlyConfigured(f"{name} {error}.") from None


VERSION = version.VERSION
# The release of Flowise that was tried: its protocol is the gate's, and its clients ask for it.
FLOWISE_VERSION = "3.1.4"

DOUBTS = files.load(BASE_DIR / ".env")  # warnings of the start
DEBUG = is_on("DEBUG")
DATABASE_WAIT = number("DATABASE_WAIT", 30, least=0, most=3600)  # seconds, at a start
DATA_DIR = Path(text("FLOWLATCH_DATA", str(BASE_DIR / "var"))).resolve()
KEY_RING_PATH = DATA_DIR / "keyring.json"
# Read at first use, so that commands which need no key run before the ring is made. Then, and when
# the ring changes (accounts/crypto/ring.py), the list is filled.
SECRET_KEY_FALLBACKS: list[str] = []
SECRET_KEY: Any = SimpleLazyObject(lambda: keyring.signing_key(KEY_RING_PATH, SECRET_KEY_FALLBACKS))

# Where we listen, and the address that people and programs use.
HOST = _host(text("HOST", "127.0.0.1"))
PORT = number("PORT", 8000, most=65535)
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_public = _public_url(text("PUBLIC_URL"))
PUBLIC_URL = str(_public)
PUBLIC_HOST = _public.authority
IS_HTTPS = _public.scheme == "https"
# Django compares the name alone, without port and trailing dot, and IPv6 in brackets.
ALLOWED_HOSTS = sorted({_public.host, *LOOPBACK_NAMES})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
TRUSTED_PROXIES = networks("TRUSTED_PROXIES")
# Loopback is listed so that a Flowise, Ollama or vLLM on this machine works at once.
ALLOWED_UPSTREAM_NETWORKS = networks("ALLOWED_UPSTREAM_NETWORKS", "127.0.0.0/8,::1/128")
# Seconds until an upstream's first byte, for a silence after it, and for a whole answer.
UPSTREAM_FIRST_BYTE_TIMEOUT = number("UPSTREAM_FIRST_BYTE_TIMEOUT", 120)
UPSTREAM_IDLE_TIMEOUT = number("UPSTREAM_IDLE_TIMEOUT", 300)
UPSTREAM_TOTAL_TIMEOUT = number("UPSTREAM_TOTAL_TIMEOUT", 1800)
# How many answers of upstreams may run at once: in one process, for one key, and without a key for
# one client's address. Those without a key may have half of the places in all.
MAX_STREAMS = number("MAX_STREAMS", 2000)
MAX_STREAMS_PER_KEY = number("MAX_STREAMS_PER_KEY", 1000)
MAX_STREAMS_PER_ADDRESS = number("MAX_STREAMS_PER_ADDRESS", 200)
# Of a question with its files, and of all bodies that one process holds at a time.
MAX_BODY_BYTES = number("MAX_BODY_BYTES", 12 * 2**20)
MAX_BUFFERED_BYTES = number("MAX_BUFFERED_BYTES", 128 * 2**20)
WEB_CONCURRENCY = number("WEB_CONCURRENCY", 1, most=1024)
SHUTDOWN_DELAY = number("SHUTDOWN_DELAY", 0, least=0, most=600)  # seconds: config/wire/draining.py
LIMITS_URL = _limits_url()  # counts for all processes (accounts/limits); empty: each by itself
CURRENCY = currency("CURRENCY", "EUR")  # of prices and budgets (accounts/money.py)
WORKER = choice("WORKER", "internal", "external")  # whether a serving process is a worker too
METRICS_TOKEN = token("METRICS_TOKEN", least=20)  # of who may read /metrics

# The first owner, unattended (see chatflows/services/onboarding.py). A password may begin with `$`.
OWNER_EMAIL = exact("OWNER_EMAIL")
OWNER_PASSWORD = exact("OWNER_PASSWORD")
OWNER_USERNAME = exact("OWNER_USERNAME")
TEAM_NAME = exact("TEAM_NAME")
# The first team's flow app (see chatflows/flow_app/flow_apps.py).
FLOW_USERNAME = exact("FLOW_USERNAME")
FLOW_PASSWORD = exact("FLOW_PASSWORD")

INVITATION_DAYS = number("INVITATION_DAYS", 7, most=7)  # as long an invitation's link opens

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
    "ninja",
    "template_partials",
]
MIDDLEWARE = [
    "accounts.middleware.RequestContextMiddleware",
    "config.errors.MethodNotAllowedMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.delivery.compression.CompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.SessionUseMiddleware",
    "config.delivery.addresses.SlashMiddleware",
    "accounts.middleware.SameOriginMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.RefusedChangeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
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
# The folder of the key file (apikeys/key_file), or None.
APIKEY_PATH = databases.key_file_folder(text("APIKEY_PATH"), DATABASES["default"])
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
    {"NAME": "accounts.login.password_rules.MinimumValidator"},
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
# Sent to the holder's page alone; `__Host-` would allow no path.
KEY_COOKIE_NAME = "__Secure-flowlatch-key" if IS_HTTPS else "flowlatch-key"
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
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes; the gate refuses larger bodies before

# Files of our own pages.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.delivery.static_files.CompressedStorage"},
}

# Mail waits in the outbox until the worker sends it (accounts/mail/outbox.py). Empty means that
# there is no server, and pages say that no mail was sent. No other code can send mail.
MAIL_SERVER = _mail_server()
MAIL_FROM = _mail_from(text("MAIL_FROM", f"Flowlatch <flowlatch@{_public.mail_domain}>"))
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
