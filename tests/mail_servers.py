"""Mail servers for tests: a real SMTP server on the loopback that does as it is told."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from tests.ports import free_port


class MailServer:
    """Takes mails, and refuses what it was told to refuse."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuse_rcpt = ""
        self.refuse_data = ""
        self.on_data: Callable[[], None] = lambda: None
        self.port = 0

    @property
    def settings(self) -> dict[str, Any]:
        """The MAIL_SERVER setting that leads here."""
        return {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": self.port,
            "EMAIL_HOST_USER": None,
            "EMAIL_HOST_PASSWORD": None,
        }

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse."""
        if self.refuse_rcpt:
            return self.refuse_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or refuse."""
        if self.refuse_data:
            return self.refuse_data
        self.on_data()
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.extend(envelope.rcpt_tos)
        return "250 OK"


@contextlib.contextmanager
def running(
    server: MailServer | None = None, *, password: str = "", tls: ssl.SSLContext | None = None
) -> Iterator[MailServer]:
    """A mail server on a free port; with `password` it asks for one, with `tls` for STARTTLS."""
    server = server or MailServer()

    def check(smtp: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == password.encode(), handled=False)

    asks: dict[str, Any] = {"authenticator": check, "auth_required": True} if password else {}
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port or free_port(),
        tls_context=tls,
        require_starttls=tls is not None,
        auth_require_tls=tls is not None,
        **asks,
    )
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]
