"""E-mail addresses: read one, in a form that can be compared, or find them in a list. Pure."""

import csv
import re
from urllib.parse import parse_qsl

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_LENGTH = 254  # characters, RFC 5321
# Visible ASCII; then what separates, quotes, comments or routes addresses (RFC 5322).
_PLAIN = re.compile(r"[!-~]+", re.ASCII)
_SPECIAL = re.compile(r'[\s,;:<>()\[\]"\\%!]')
# What stands around an address in a sentence or a list, and what other programs hide there.
# A quote, a backtick or an asterisk can begin an address too: those go in pairs alone.
_BLANK = " \t\xa0\u200b\u200e\u200f\u2060\ufeff"
_BEFORE = _BLANK + '.,:"()[]\u2018\u2019\u201c\u201d'
_BEHIND = _BEFORE + "?"
_PAIRED = "'`*"
MOST_PAIRS = 2
_BULLET = re.compile(r"(?:[*\u2022\u2013-]|\(?\d{1,3}[.)])\s+")
_LABEL = re.compile(r"to:\s*", re.IGNORECASE)  # of a mail's head
# What parts a list, of which the first that a line has outside quotes counts; then commas.
_STRONG = re.compile(r'(?:"[^"]*"|[^";|\uff1b\u3001])+')
_WEAK = re.compile(r'(?:"[^"]*"|[^",\uff0c])+')
_BARE_STRONG, _BARE_WEAK = re.compile(r"[^;|\uff1b\u3001]+"), re.compile(r"[^,\uff0c]+")
_NAMED = re.compile(r"(?P<name>[^<>]*)<\s*(?P<address>[^<>\s]+)\s*>")
_BARE_NAME = re.compile(r"[\w.'\"\u2019\u201c\u201d-]+(?:\s+[\w.'\"\u2019\u201c\u201d-]+){0,2}")
_MAILTO = re.compile(r"^mailto:", re.IGNORECASE)
_AND = {"and", "or", "&", "und", "oder", "et", "ou", "y", "e", "en", "og", "och"}
# Headers of tables, as address books and Excel write them.
_EMAIL_CELL = re.compile(r"e-?mails?(?: ?address(?:es)?)?", re.IGNORECASE)
_NAME_CELL = re.compile(r"(?:(?:first|last|full|display|given|family) ?)?names?", re.IGNORECASE)


def one(text: str) -> str:
    """Return the one address in the text, with its domain in lower case.

    Raises ValidationError for no address, several, a name beside the address, or letters outside
    ASCII, which can look like others. (A foreign domain has an ASCII form: xn--...)
    """
    address = text.strip()
    if not address or len(address) > MAX_LENGTH:
        raise ValidationError("Write one address of at most 254 characters.", code="length")
    if _SPECIAL.search(address):
        raise ValidationError("This is not one address.", code="several")
    if not _PLAIN.fullmatch(address):
        raise ValidationError(
            "This address has a letter outside A to Z, which can look like another. Write the "
            "domain in its xn-- form.",
            code="letters",
        )
    validate_email(address)
    local, _, domain = address.rpartition("@")
    if local.startswith("'") and not local.endswith("'"):
        raise ValidationError("This is not one address.", code="several")
    return f"{local}@{domain.lower()}"


def key(address: str) -> str:
    """Return the form by which addresses are compared."""
    return address.lower()


def pasted(text: str) -> list[str]:
    """Return the texts that stand for one address each in a list as people paste it.

    Line ends, semicolons, bars and commas part them, but not inside quotes. The address alone is
    taken of `Ann <ann@example.com>`, `Example, Ann <ann@example.com>`, `mailto:ann@example.com` and
    of a table with a header such as `Name,Email`. What is in no such form is returned as it is, so
    that `one` refuses it and nothing is dropped.
    """
    lines = [line for line in text.splitlines() if line.strip(_BLANK)]
    column = _email_column(lines[0]) if len(lines) > 1 else None
    if column is not None:
        return [_cell(line, column) for line in lines[1:]]
    pieces = (_bare(piece) for line in lines for piece in _pieces(line))
    return [found for piece in pieces if piece for found in _unwrapped(piece)]


def _email_column(line: str) -> int | None:
    """Return the place of the e-mail column, None if the line is no header of names and e-mails."""
    cells = _cells(line)
    emails = [place for place, cell in enumerate(cells) if _EMAIL_CELL.fullmatch(cell)]
    is_header = all(_EMAIL_CELL.fullmatch(cell) or _NAME_CELL.fullmatch(cell) for cell in cells)
    return emails[0] if is_header and len(emails) == 1 else None


def _cell(line: str, column: int) -> str:
    cells = _cells(line)
    filled = [cell for cell in cells if "@" in cell]
    return filled[0] if filled and filled == cells[column : column + 1] else line.strip()


def _cells(line: str) -> list[str]:
    sign = next((sign for sign in "\t;" if sign in line), ",")
    try:
        return [cell.strip(_BLANK) for cell in next(csv.reader([line], delimiter=sign), [])]
    except csv.Error:  # a cell of more than 131,072 characters
        return [line]


def _pieces(line: str) -> list[str]:
    """Split a line. A quote that never ends parts nothing: the line is split as if without it."""
    is_closed = line.count('"') % 2 == 0
    found: list[str] = []
    parts = (_STRONG if is_closed else _BARE_STRONG).findall(_unquoted(line.strip(_BLANK)))
    for part in parts:
        # In `Example, Ann <ann@example.com>` the first piece belongs to the name. Where something
        # stronger parts the addresses, any number of pieces does.
        names: list[str] = []
        for piece in (_WEAK if is_closed else _BARE_WEAK).findall(part):
            if "@" not in piece and ":" not in piece:
                names.append(piece)
                continue
            is_name = len(names) <= 1 or len(parts) > 1
            if names and is_name and "@" not in piece.partition("<")[0] and "<" in piece:
                found.append(",".join([*names, piece]))
            else:
                found += [*names, piece]
            names = []
        found += names
    return found


def _bare(piece: str) -> str:
    piece = _BULLET.sub("", piece.strip(_BLANK), count=1)
    piece = piece.lstrip(_BEFORE).rstrip(_BEHIND)
    for _ in range(MOST_PAIRS):
        if _is_paired(piece):
            piece = piece[1:-1].lstrip(_BEFORE).rstrip(_BEHIND)
    return _LABEL.sub("", piece, count=1) if _LABEL.match(piece) else piece


def _is_paired(text: str) -> bool:
    return len(text) > 1 and text[0] in _PAIRED and text[0] == text[-1]


def _unquoted(line: str) -> str:
    """Take quotes off that hold a whole line, and not the first address and the last."""
    is_whole = _is_paired(line) and line[0] not in line[1:-1]
    return line[1:-1] if is_whole else line


def _unwrapped(piece: str) -> list[str]:
    if named := _NAMED.fullmatch(piece):
        name, address = _bare(named["name"]), _mailed(named["address"])
        is_plain = "@" not in name or name.lower() == address.lower()
        return [address] if is_plain else [piece]  # of two addresses none is taken
    words = [_mailed(_bare(word)) for word in piece.split()]
    told = [word for word in words if word.lower() not in _AND]
    if told and all("@" in word for word in told):
        return told
    before = piece.rsplit(maxsplit=1)[0]
    is_named = "@" in words[-1] and _BARE_NAME.fullmatch(before)
    return words[-1:] if is_named else [piece]


def _mailed(word: str) -> str:
    """Return the address of a mailto link, or the whole link if it names more than one."""
    link, _, query = word.partition("?")
    names = {name.lower() for name, _ in parse_qsl(query.replace(";", "&"), keep_blank_values=True)}
    return word if names & {"to", "cc", "bcc"} else _MAILTO.sub("", link)
