"""Settings through the shipped start: `.env` read whole or not at all, IPv6, foreign names."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment.version import VERSION
from tests.ports import free_port
from tests.server import forks, shipped
from tests.server.forks import PATIENCE, ROOT
from tests.server.shipped import OWNER, SERVE, Shipped, environment

pytestmark = pytest.mark.server

SECRET = "granite teapot harbour"
LINKED = ("accounts", "apikeys", "chatflows", "templates", "static", "pyproject.toml")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with manage.py, where `.env` may be written."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "config", home / "config")
    shutil.copy(ROOT / "manage.py", home)
    for name in LINKED:
        (home / name).symlink_to(ROOT / name)
    return home


def run(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py there, as `make run` does."""
    (home / "data").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=home,
        env=environment(home / "data", **env),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"PORT=1\nOWNER_PASSWORD: {SECRET}\n", "Line 2 of .env can't be read (OWNER_PASSWORD)."),
        (f'OWNER_PASSWORD="{SECRET}\n', "Line 1 of .env can't be read (OWNER_PASSWORD)."),
        (f"SOMETHING: {SECRET}\n", "Line 1 of .env can't be read."),
        (f"OWNER_PASSWORD={SECRET}\nOWNER_PASSWORD={SECRET}\n", "twice, in lines 1 and 2"),
        ("PUBLIC_URL=$DOMAIN\n", "PUBLIC_URL names the variable DOMAIN, which is not set."),
        (f"PUBLIC_URL={SECRET}\n", "PUBLIC_URL must be "),
        (f"MAIL_FROM={SECRET}\n", "MAIL_FROM must be "),
        (f"DATABASE_URL=postgres://u:p@h:{SECRET}/d\n", "DATABASE_URL can't be read."),
        (f"EMAIL_URL=smtp+tls://u:{SECRET}@[h:1\n", "EMAIL_URL can't be read."),
        ("DATABASE_URL=\"'postgres://u:granite@h/db'\"\n", "DATABASE_URL must begin with "),
        ("DATABASE_URL=//u:granite@h/db\n", "DATABASE_URL must begin with "),
        ("DATABASE_URL=teapot:granite@h/db\n", "DATABASE_URL must begin with "),
        ("DATABASE_URL=postgres://u:pa${granite}x@h/db\n", "DATABASE_URL names a variable "),
        ("EMAIL_URL=\"'smtp://u:granite@h'\"\n", "EMAIL_URL can't be read."),
        ("EMAIL_URL=//u:granite@h\n", "EMAIL_URL can't be read."),
        ("LIMITS_URL=//u:granite@h:6379\n", "LIMITS_URL can't be read."),
        ("LIMITS_URL=\"'valkey://u:granite@h:6379'\"\n", "LIMITS_URL can't be read."),
        ("PUBLIC_URL=//u:granite@h\n", "PUBLIC_URL must be "),
    ],
)
def test_what_cannot_be_read_stops_in_one_line_that_quotes_no_value(
    home: Path, content: str, told: str
) -> None:
    (home / ".env").write_text(content)
    done = run(home, "serve")
    assert run(home, "setup_link").stderr == done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    for word in SECRET.split():
        assert word not in done.stderr + done.stdout


def test_a_file_with_a_byte_order_mark_counts_and_the_environment_wins(home: Path) -> None:
    (home / ".env").write_bytes("\ufeffPORT=x\nWORKER=external\n".encode())
    assert "PORT must be a whole number" in run(home, "check").stderr
    assert "PORT" not in run(home, "check", PORT="8000").stderr
    (home / ".env").write_text(f"OWNER_PASSWRD={SECRET}\nTEAM_NAME=Acme # the team\n")
    done = run(home, "serve", HOST="192.0.2.1", PORT="9")
    assert done.stdout == (
        "Warning: .env sets OWNER_PASSWRD, which is no setting. Did you mean OWNER_PASSWORD?\n"
    )
    assert "192.0.2.1" in done.stderr


def started(folder: Path, host: str, **env: str) -> Shipped:
    return shipped.start(folder, {**OWNER, **env}, host=host)


@pytest.mark.large
@pytest.mark.parametrize(
    ("env", "clients", "shown"),
    [
        ({"HOST": "::"}, ["::1", "127.0.0.1"], "[::1]"),
        ({"HOST": "::1"}, ["::1"], "[::1]"),
        ({"HOST": "[::1]"}, ["::1"], "[::1]"),
        ({"HOST": "0.0.0.0"}, ["127.0.0.1"], "127.0.0.1"),
    ],
)
def test_it_starts_on_every_address_and_people_can_log_in(
    tmp_path: Path, env: dict[str, str], clients: list[str], shown: str
) -> None:
    server = started(tmp_path, clients[0], **env)
    assert f"Flowlatch {VERSION} listens at http://{shown}:{server.port}\n" in server.log
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    for client in clients:
        server.host = client
        assert server.predict(key).status == 200
        assert _logs_in(server, f"http://{shown}:{server.port}") == 302
    wanted = {"::1" if ":" in client else client for client in clients}
    calls = server.wait_for_calls(len(clients))
    assert {call["client_address"] for call in calls} == wanted
    assert server.stop() == 0
    assert "Traceback" not in server.log


def _logs_in(server: Shipped, origin: str) -> int:
    head = {"Host": origin.removeprefix("http://")}
    page = server.request("GET", "/login/", headers=head)
    assert page.status == 200
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    cookie = re.search(r"flowlatch-csrf=\w+", page.headers["set-cookie"])
    assert token is not None
    assert cookie is not None
    form = f"csrfmiddlewaretoken={token[1].decode()}&login=alice&password={OWNER['OWNER_PASSWORD']}"
    head |= {"Cookie": cookie[0], "Origin": origin}
    head["Content-Type"] = "application/x-www-form-urlencoded"
    return server.request("POST", "/login/", form.replace(" ", "+").encode(), head).status


@pytest.fixture(scope="module")
def unowned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a server that nobody owns; the first start there makes its tables."""
    return tmp_path_factory.mktemp("unowned")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ("https://fl\u00f6w.example", "https://xn--flw-tna.example"),
        ("https://\u4f8b\u3048.\u30c6\u30b9\u30c8", "https://xn--r8jz45g.xn--zckzah"),
        ("https://Chat.Example.:443/", "https://chat.example"),
    ],
)
def test_a_public_url_is_used_everywhere_in_one_spelling(
    unowned: Path, written: str, url: str
) -> None:
    server = shipped.start(unowned, {"PUBLIC_URL": written}, is_first=True)
    assert f"Flowlatch {VERSION} listens at {url}\n" in server.log
    link = re.search(rf"owner: ({re.escape(url)}/set-up/\S+)", server.log)
    assert link is not None
    host = url.partition("://")[2]
    head = {"Host": host}
    assert server.request("GET", "/login/", headers=head).status == 200
    assert server.request("GET", "/login/", headers={"Host": "foreign.example"}).status == 400
    assert server.stop() == 0


def test_the_mail_sender_follows_the_public_url(tmp_path: Path) -> None:
    program = "from django.conf import settings; print(settings.MAIL_FROM)"

    def sender(**env: str) -> str:
        env = environment(tmp_path, DJANGO_SETTINGS_MODULE="config.settings", **env)
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        return done.stdout.strip() or done.stderr.strip().rpartition("\n")[2]

    assert sender(HOST="::") == "Flowlatch <flowlatch@[IPv6:::1]>"
    assert sender(HOST="192.0.2.7") == "Flowlatch <flowlatch@192.0.2.7>"
    assert sender(PUBLIC_URL="https://fl\u00f6w.example") == (
        "Flowlatch <flowlatch@xn--flw-tna.example>"
    )
    assert sender(MAIL_FROM="Door <door@fl\u00f6w.example>") == "Door <door@xn--flw-tna.example>"
    for odd in ("a@b, c@d", "door", "d\u00f6or@b.example", "a@b\nBcc: c@d.example", "a@b c"):
        assert "MAIL_FROM must be one address" in sender(MAIL_FROM=odd)


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"HOST": "fe80::1%eth0"}, "HOST must have no zone"),
        ({"HOST": "http://localhost"}, "HOST must be an address"),
        ({"PUBLIC_URL": "https://me:hush@chat.example"}, "PUBLIC_URL must be http"),
        ({"PUBLIC_URL": "https://[fe80::1%25eth0]"}, "PUBLIC_URL must have no zone"),
        ({"HOST": "my_box"}, "PUBLIC_URL is not set, and made from HOST"),
        ({"TRUSTED_PROXIES": "hush"}, "TRUSTED_PROXIES must be"),
        ({"LIMITS_URL_FILE": "/nowhere/hush"}, "LIMITS_URL_FILE names a file that can't be read"),
        ({"DEBUG": "hush"}, "DEBUG must be true or false."),
        ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY must be"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, env: dict[str, str], told: str
) -> None:
    done = forks.run([*SERVE], environment(tmp_path, **{"PORT": str(free_port()), **env}))
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr
    assert list(tmp_path.iterdir()) == []
