"""Who may read metrics and details: whoever sends METRICS_TOKEN, or without one this machine."""

import hmac

from django.conf import settings
from django.http.request import split_domain_port

from accounts.network import addresses
from chatflows.gate.requests import GateRequest

FORWARDING = (b"forwarded", b"x-real-ip", b"via")
FORWARDED = b"x-forwarded-"  # begins these names


def may_watch(request: GateRequest) -> bool:
    """Whether a request comes from somebody who runs the server."""
    token: str = settings.METRICS_TOKEN
    return _has_token(request, token) if token else _is_from_here(request)


def _has_token(request: GateRequest, token: str) -> bool:
    sent = [*request.all(b"authorization")]
    scheme, _, text = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
    is_right = hmac.compare_digest(text.strip(b" "), token.encode())
    return is_right and scheme.lower() == b"bearer"


def _is_from_here(request: GateRequest) -> bool:
    # A proxy on this machine connects from loopback too, and some pass neither Host nor a header
    # on. So where PUBLIC_URL or TRUSTED_PROXIES tells of one, only the token counts.
    if _name(settings.PUBLIC_HOST) not in settings.LOOPBACK_NAMES or settings.TRUSTED_PROXIES:
        return False
    if any(name in FORWARDING or name.startswith(FORWARDED) for name, _ in request.headers):
        return False
    hosts = [*request.all(b"host")]
    name = _name(hosts[0].decode("latin-1")) if len(hosts) == 1 else ""
    peer = addresses.parse(request.peer)
    return name in settings.LOOPBACK_NAMES and peer is not None and peer.is_loopback


def _name(authority: str) -> str:
    return split_domain_port(authority)[0]
