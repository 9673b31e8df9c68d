"""The file `.env`: read all of it or stop, with the line's number and never its text."""

import codecs
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv.parser import Binding, parse_stream

from config.environment.names import NAMES, doubts

LARGEST = 2**20  # bytes
_LINE_END = re.compile(r"\r\n|\n|\r")
_FIRST_NAME = re.compile(r"\s*(?:export\s+)?['\"]?(\w+)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PASSWORDS = {"OWNER_PASSWORD", "FLOW_PASSWORD"}
_OUR_LINE = re.compile(rf"^\s*(?:export\s+)?(?:{'|'.join(NAMES)})\s*=", re.MULTILINE)


class Unreadable(ImproperlyConfigured):
    """Raised for a file that can't be read. The message quotes at most the name of a setting."""


def load(path: Path) -> list[str]:
    """Put what a file sets into the environment; a name that is set there already wins.

    Returns a warning for each name, here or there, that looks like one of ours. Raises Unreadable.
    """
    outside = list(os.environ)
    found = read(path)
    for name, value in found.items():
        os.environ.setdefault(name, value)
    return doubts(found, outside)


def read(path: Path) -> Mapping[str, str]:
    """Return what a file sets; nothing if there is none. Raises Unreadable."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(_text(path), newline="")):
        line, text = _place(binding)
        if binding.key is None and not binding.error:  # a comment, or blank lines
            continue
        name, value = _checked(binding, line, text)
        if name in found:
            raise Unreadable(
                f".env sets {_shown(name)} twice, in lines {lines[name]} and {line}. Remove one."
            )
        found[name], lines[name] = value, line
    return found


def _checked(binding: Binding, line: int, text: str) -> tuple[str, str]:
    name, value = binding.key, binding.value
    if binding.error or name is None or value is None or not _NAME.fullmatch(name):
        told = _FIRST_NAME.match(text)
        raise Unreadable(
            f"Line {line} of .env can't be read{_about(told[1] if told else '')}. Write "
            "NAME=value, and close each quote in its line."
        )
    if _CONTROL.search(value) and (name in NAMES or _OUR_LINE.search(value)):
        raise Unreadable(
            f"Line {line} of .env{_about(name)} holds a line end or another control character in "
            "its value. Close each quote in its line, and write backslashes in single quotes."
        )
    if name in _PASSWORDS and _has_comment(text):
        raise Unreadable(
            f"Line {line} of .env{_about(name)} has a # that could be part of the password or "
            "begin a comment. Put the password in single quotes."
        )
    return name, value


def _has_comment(text: str) -> bool:
    value = text.partition("=")[2].strip()
    return not value.startswith(("'", '"')) and re.search(r"\s#", value) is not None


def _place(binding: Binding) -> tuple[int, str]:
    # The parser counts the blank lines before a line as its own.
    whole = binding.original.string
    text = whole.lstrip()
    before = whole[: len(whole) - len(text)]
    return binding.original.line + len(_LINE_END.findall(before)), text


def _about(name: str) -> str:
    return f" ({name})" if name in NAMES else ""


def _shown(name: str) -> str:
    return name if name in NAMES else "a name"


def _text(path: Path) -> str:
    data = _bytes(path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable(".env is UTF-16, as PowerShell writes it. Save it as UTF-8.")
    at = data.find(b"\0")
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise Unreadable(f"Line {line} of .env holds a zero byte. Save the file as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    raise Unreadable(f"Line {line} of .env is not UTF-8. Save the file as UTF-8.")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        if not path.is_symlink():
            return b""
        reason = "it is a link to a file that is not there"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        if len(data) <= LARGEST:
            return data
        reason = "it is larger than a MiB"
    raise Unreadable(f".env can't be read: {reason}. Correct it, or remove it.")
