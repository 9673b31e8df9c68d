"""Static files have a compressed copy, made once."""

import asyncio
import gzip
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings
from django.utils.functional import empty

from config import settings as shipped
from config.delivery import old_files
from config.delivery.static_files import with_static_files


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Any:
    tmp_path = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=shipped.STORAGES):
        staticfiles_storage._wrapped = empty  # type: ignore[attr-defined]
        call_command("collectstatic", interactive=False, verbosity=0)
        yield tmp_path
    staticfiles_storage._wrapped = empty  # type: ignore[attr-defined]


def test_a_file_with_a_hash_has_a_compressed_copy_that_is_made_once(root: Path) -> None:
    sheet = next(root.glob("css/2-base.*.css"))
    copy = Path(f"{sheet}.gz")
    assert gzip.decompress(copy.read_bytes()) == sheet.read_bytes()
    assert not Path(f"{root}/css/2-base.css.gz").exists()
    copy.write_bytes(b"left as it is")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert copy.read_bytes() == b"left as it is"


def test_the_copy_is_sent_to_whoever_takes_it(root: Path) -> None:
    name = next(root.glob("js/flowlatch.*.js")).name
    headers, body = fetch(f"/static/js/{name}", b"gzip, br")
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"vary"] == b"Accept-Encoding"
    assert b"immutable" in headers[b"cache-control"]
    assert gzip.decompress(body) == (root / "js" / name).read_bytes()
    headers, body = fetch(f"/static/js/{name}", b"identity")
    assert b"content-encoding" not in headers
    assert body == (root / "js" / name).read_bytes()


def fetch(path: str, takes: bytes) -> tuple[dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(b"accept-encoding", takes)],
        "query_string": b"",
        "extensions": {},
    }
    asyncio.run(with_static_files(None)(scope, receive, send))
    return dict(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent[1:])


@pytest.fixture
def superseded(root: Path) -> Path:
    """A style sheet of the version before, whose last start was long ago."""
    path = root / "css/2-base.0123456789ab.css"
    path.write_text("old")
    os.utime(path, (1, 1))
    return path


def test_files_of_the_version_before_are_served_for_a_month_and_then_removed(
    root: Path, superseded: Path
) -> None:
    manifest = root / old_files.MANIFEST
    new = manifest.read_text()
    current = next(each.name for each in root.glob("css/2-base.*.css") if each != superseded)
    manifest.write_text(new.replace(current, superseded.name))
    old_files.note_use(root)  # the upgrade: until now the old one was served
    manifest.write_text(new)
    old_files.remove(root)
    assert fetch(f"/static/css/{superseded.name}", b"identity")[1] == b"old"
    old_files.remove(root, now=time.time() + old_files.KEPT_FOR + 60)
    assert not superseded.exists()
    assert (root / "css" / current).exists()
    assert (root / "css" / f"{current}.gz").exists()


def test_nothing_is_removed_while_nobody_knows_what_is_old(root: Path, superseded: Path) -> None:
    manifest = root / old_files.MANIFEST
    kept = manifest.read_text()
    manifest.write_text("{")
    old_files.remove(root)
    manifest.write_text(kept)
    assert superseded.exists()
    superseded.unlink()
