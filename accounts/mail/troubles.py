"""Troubles: what can go wrong with a mail or its server, in plain words. Pure."""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass

LONGEST = 250  # characters
# Servers quote what they refuse, a link for example: it must not come to stand on a page.
_LINKS = re.compile(r"\S*(?:://|fll_|www\.)\S*", re.IGNORECASE)
_UNREACHABLE: tuple[tuple[type[BaseException], str], ...] = (
    (smtplib.SMTPServerDisconnected, "The mail server closed the connection."),
    (smtplib.SMTPNotSupportedError, "The mail server lacks what EMAIL_URL asks for."),
    (TimeoutError, "The mail server did not answer in time."),
    (ConnectionRefusedError, "Nothing answers at the mail server's address."),
    (socket.gaierror, "The mail server's name is not known."),
    (ssl.SSLCertVerificationError, "The mail server's certificate is not trusted."),
    (ssl.SSLError, "TLS fails: smtp+tls and smtp+ssl are perhaps mixed up in EMAIL_URL."),
    (OSError, "The mail server can't be reached."),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong. `is_final`: a retry is useless. `is_of_server`: every mail would meet it."""

    name: str
    words: str
    is_final: bool = False
    is_of_server: bool = False


def trouble(error: BaseException) -> Trouble:
    """Return what an exception of sending means."""
    if isinstance(error, smtplib.SMTPServerDisconnected) and error.__context__ is not None:
        error = error.__context__  # smtplib hides what it met while it waited for a reply
    name = type(error).__name__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reply = next(iter(error.recipients.values()))
        words = f"The mail server refuses this address ({_quoted(code, reply)})."
        return Trouble(f"{name} {code}", words, is_final=_is_permanent(code))
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error, name)
    for kind, words in _UNREACHABLE:
        if isinstance(error, kind):
            return Trouble(name, words, is_of_server=True)
    return Trouble(name, f"The mail can't be made ({name}).")


def _refused(error: smtplib.SMTPResponseException, name: str) -> Trouble:
    said = _quoted(error.smtp_code, error.smtp_error)
    name = f"{name} {error.smtp_code}"
    if isinstance(error, smtplib.SMTPDataError):
        words = f"The mail server refuses this mail ({said})."
        return Trouble(name, words, is_final=_is_permanent(error.smtp_code))
    if isinstance(error, smtplib.SMTPAuthenticationError):
        words = f"The mail server refuses our username or password ({said})."
    elif isinstance(error, smtplib.SMTPSenderRefused):
        words = f"The mail server refuses our sender's address ({said})."
    else:
        words = f"The mail server is not ready ({said})."
    return Trouble(name, words, is_of_server=True)


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600  # RFC 5321, 4.2.1


def _quoted(code: int, reply: bytes | str) -> str:
    text = reply.decode("ascii", "replace") if isinstance(reply, bytes) else reply
    plain = _LINKS.sub("[link]", " ".join(text.split()))
    printable = "".join(c for c in plain if c.isprintable())
    return f"{code} {printable}"[: LONGEST - 80].strip()
