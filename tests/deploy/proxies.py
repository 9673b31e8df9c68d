"""A real nginx with the file that deploy/ ships, before instances on loopback."""

import datetime
import http.client
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.ports import free_port
from tests.server.forks import PATIENCE, ROOT

FILE = ROOT / "deploy/nginx/flowlatch.conf"
BINARY = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
HOST = "chat.example.com"


@dataclass
class Proxy:
    """A running nginx."""

    port: int
    plain_port: int
    folder: Path

    def connect(self) -> http.client.HTTPSConnection:
        """A connection that trusts its certificate."""
        trust = ssl.create_default_context(cafile=self.folder / "fullchain.pem")
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=trust, timeout=PATIENCE)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of a request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body, {"Host": HOST, **headers})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


@contextmanager
def running(folder: Path, instances: list[int], **changed: str) -> Iterator[Proxy]:
    """Run nginx before instances on these ports, with some directives of the file changed."""
    certify(folder)
    proxy = Proxy(free_port(), free_port(), folder)
    config = folder / "nginx.conf"
    config.write_text(main(folder) % placed(folder, proxy, instances, changed))
    program = [str(BINARY), "-p", str(folder), "-c", str(config)]
    subprocess.run([*program, "-t", "-q"], check=True, timeout=PATIENCE)
    process = subprocess.Popen(program)
    try:
        wait_for(folder / "pid")
        yield proxy
    finally:
        process.terminate()
        process.wait(PATIENCE)


def placed(folder: Path, proxy: Proxy, instances: list[int], changed: Mapping[str, str]) -> str:
    """The file with ports and folders of this test."""
    text = FILE.read_text()
    for old, new in (
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl;", ""),
        ("listen 80;", f"listen 127.0.0.1:{proxy.plain_port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{proxy.port} ssl;"),
        ("/etc/nginx/flowlatch/", f"{folder}/"),
        ("/var/log/nginx/", f"{folder}/"),
        *((f"127.0.0.1:800{n}", f"127.0.0.1:{port}") for n, port in enumerate(instances)),
        *changed.items(),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


def main(folder: Path) -> str:
    """What a distribution's nginx.conf has around it; Debian's compresses."""
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    return (
        f"daemon off; pid {folder}/pid; error_log {folder}/main.log; {user}\n"
        f"events {{ worker_connections 256; }}\nhttp {{\ngzip on;\n{places}%s\n}}\n"
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or not re.search(r"\d", path.read_text()):
        assert time.monotonic() < deadline, "nginx did not start"
        time.sleep(0.02)


def certify(folder: Path) -> None:
    """Make a certificate for loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
