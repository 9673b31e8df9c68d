"""The layout of the key file: a line that was changed, moved, doubled or cut off is named."""

from collections.abc import Callable

import pytest

from apikeys.key_file import layout
from apikeys.key_file.layout import Damaged, Head

pytestmark = pytest.mark.fast

KEY = layout.sealing_key(b"k" * 32)
HEAD = Head(generation=7, count=3, mark="ab", created="2026-11-27T12:00:00+00:00", ring=1)
FACTS = [{"name": "acme"}, {"name": "crm-sync"}, {"name": "web\u2028\ud800"}]
LINES = list(layout.sealed(HEAD, [layout.line("key", each) for each in FACTS], KEY))


def key_of(version: int) -> bytes | None:
    return KEY if version == 1 else None


def of_generation(number: int) -> list[bytes]:
    head = Head(number, 3, HEAD.mark, HEAD.created, 1)
    return list(layout.sealed(head, [layout.line("key", each) for each in FACTS], KEY))


def test_what_is_written_is_read() -> None:
    head, lines = layout.verified(iter(LINES), key_of)
    assert head == HEAD
    assert [layout.told(each)["name"] for each in lines] == ["acme", "crm-sync", "web\u2028\ud800"]


@pytest.mark.parametrize(
    ("hurt", "number"),
    [
        (lambda a: [], 1),
        (lambda a: [b"\n", *a], 1),
        (lambda a: [b"\x00" * 100_000, *a[1:]], 1),
        (lambda a: [b"[" * 900, *a[1:]], 1),
        (lambda a: [b'"head"\n', *a[1:]], 1),
        (lambda a: [b'{"line":"head"}\n', *a[1:]], 1),
        (lambda a: [a[0].replace(b'"count":3', b'"count":2'), *a[1:3]], 1),
        (lambda a: [a[0].replace(b'"count":3', b'"count":true'), *a[1:]], 1),
        (lambda a: [a[0].replace(b'"count":3', b'"count":"3"'), *a[1:]], 1),
        (lambda a: [a[0].replace(b'"version":1', b'"version":2'), *a[1:]], 1),
        (lambda a: [a[0].replace(b'"ring":1', b'"ring":2'), *a[1:]], 1),
        (lambda a: a[1:], 1),
        (lambda a: [a[0], a[1].replace(b"acme", b"acmf"), *a[2:]], 2),
        (lambda a: [a[0], a[1].replace(b'{"', b'{ "'), *a[2:]], 2),
        (lambda a: [a[0], a[1][:-2] + b"0}\n", *a[2:]], 2),
        (lambda a: [a[0], a[1].rstrip(b"\n") + b"\r\n", *a[2:]], 2),
        (lambda a: [a[0], a[2], a[1], a[3]], 2),
        (lambda a: [a[0], a[1], a[1], a[3]], 3),
        (lambda a: [a[0], a[1], *a[1:]], 3),
        (lambda a: [a[0], a[1], a[3]], 3),
        (lambda a: [*a[:2], of_generation(6)[2], a[3]], 3),
        (lambda a: [of_generation(8)[0], *a[1:]], 2),
        (lambda a: a[:3], 4),
        (lambda a: [*a[:3], a[3][:-1]], 4),
        (lambda a: [*a[:3], a[3][:40]], 4),
        (lambda a: [*a, a[3]], 5),
    ],
)
def test_the_first_line_that_does_not_hold_is_named(
    hurt: Callable[[list[bytes]], list[bytes]], number: int
) -> None:
    with pytest.raises(Damaged, match=rf"^line {number} ") as caught:
        layout.verified(iter(hurt(LINES)), key_of)
    assert caught.value.number == number


def test_a_file_that_another_ring_sealed_is_refused() -> None:
    with pytest.raises(Damaged, match=r"^line 1 does not hold"):
        layout.verified(iter(LINES), lambda version: layout.sealing_key(b"o" * 32))


def test_a_mac_of_the_audit_trail_is_no_seal() -> None:
    assert layout.sealing_key(b"k" * 32) != b"k" * 32
