"""Searches on the pages of keys: what may be kept of a text that someone typed or pasted.

A pasted key is found by its public id. The rest of it must not reach a URL, a log or SQL.
"""

import re
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest

from accounts.outages import Unavailable
from apikeys import adopted

ID = r"[0-9A-Za-z]{12}"
# A key, or its beginning: `Bearer flk_sk_<id>_<secret>`, with blanks and line ends around.
_KEY = re.compile(rf"flk_[a-z]{{2}}_({ID})(?![0-9A-Za-z])")
_WHOLE = re.compile(rf"flk_[a-z]{{2}}_({ID})_")
_BEGINNING = re.compile(r"flk_[a-z]{2}_([0-9A-Za-z]{1,12})(?=$|[^0-9A-Za-z_])")
# What looks like a part of a secret: longer than a public id, and no word.
_RUN = re.compile(r"[0-9A-Za-z]{20,}")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])")
MAX_LENGTH = 100  # characters of a search
UNKNOWN = "This is no whole key and no name, so nothing was searched. Paste the key from its start."


def searchable(text: str) -> str | None:
    """Return what to search for: a public id for a key, else the text itself.

    None: this may be a part of a secret, and nothing of it may be kept.
    """
    plain = " ".join(text.replace("\0", "").split())
    word = plain.rpartition(" ")[2]  # behind `Bearer`
    if adopted.has_shape(word):
        return _adopted(word)
    # A key that was broken at a line end is whole again without its blanks.
    found = _KEY.search(plain) or _WHOLE.search(plain.replace(" ", "")) or _BEGINNING.search(plain)
    if found is not None:
        return found[1]
    return None if _may_be_secret(plain) else plain[:MAX_LENGTH]


def is_kept(text: str) -> bool:
    """Whether a text may stand in an address as it is."""
    return searchable(text) == " ".join(text.split())[:MAX_LENGTH]


def query(request: HttpRequest, text: str, name: str, **more: str) -> str:
    """Return the query of a page that is searched, and tell the person if nothing may be kept."""
    kept = searchable(text)
    if kept is None:
        messages.warning(request, UNKNOWN)
    sent = {name: value for name, value in ({name: kept or ""} | more).items() if value}
    return f"?{urlencode(sent)}" if sent else ""


def _adopted(text: str) -> str | None:
    try:
        return adopted.public_id(text)
    except Unavailable:
        return None


def _may_be_secret(text: str) -> bool:
    return "flk_" in text or any(_MIXED.match(run) for run in _RUN.findall(text))
