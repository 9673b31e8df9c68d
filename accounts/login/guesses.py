"""Guesses: how much of a password its guessers would have to try, once they know its words. Pure.

A guesser tries common words, years, rows of keys and repeats before single characters. So each of
these counts little here, and a word that anyone would try on this installation counts nothing.
"""

from collections.abc import Collection

COMMON_WORD = 3  # one of twenty thousand, about as many as three letters make
PATTERN = 1  # a row of keys, a sequence or a year
MIN_WORD, MAX_WORD = 4, 33  # characters of a common word
MIN_ROW, MIN_SEQUENCE = 4, 3
MAX_READ = 128  # characters of a password; the time grows with its square
MAX_REPEATED = 32  # characters of a piece that is repeated
_ROWS = (
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "\u0439\u0446\u0443\u043a\u0435\u043d\u0433\u0448\u0449\u0437\u0445\u044a",
    "!@#$%^&*()_+",
)
_BOTH_WAYS = "\n".join((*_ROWS, *(row[::-1] for row in _ROWS)))
# How people write letters with other signs.
_LEET = tuple(str.maketrans("@4301!$57", f"aaeo{one}isst") for one in "il")


def is_easy(
    password: str, own_words: Collection[str], common_words: Collection[str], enough: int
) -> bool:
    """Whether less than `enough` characters are left to guess beside words, rows and repeats.

    All words are in lower case.
    """
    text = password.lower()[:MAX_READ]
    spellings = {text, *map(text.translate, _LEET)}
    longest = max([MAX_WORD, *map(len, own_words)])
    costs = [0]
    for end in range(1, len(text) + 1):
        best = costs[end - 1] + 1
        for start in range(max(0, end - longest), end - MIN_SEQUENCE + 1):
            piece = text[start:end]
            found = {spelling[start:end] for spelling in spellings}
            cost = _cost(piece, found, own_words, common_words)
            if cost is not None:
                best = min(best, costs[start] + cost)
        for length in range(1, min(MAX_REPEATED, end // 2) + 1):
            if text[end - length : end] == text[end - 2 * length : end - length]:
                best = min(best, costs[end - length])
        costs.append(best)
        if min(costs[-longest:]) >= enough:  # nothing that follows can make it less
            return False
    return costs[-1] < enough


def _cost(
    piece: str, spellings: set[str], own_words: Collection[str], common_words: Collection[str]
) -> int | None:
    if any(one in own_words for one in spellings):
        return 0
    if _is_row(piece) or _is_sequence(piece) or _is_year(piece):
        return PATTERN
    if MIN_WORD <= len(piece) <= MAX_WORD and any(one in common_words for one in spellings):
        return COMMON_WORD
    return None


def _is_row(piece: str) -> bool:
    return len(piece) >= MIN_ROW and piece in _BOTH_WAYS


def _is_sequence(piece: str) -> bool:
    """Whether it goes up or down by one, as "abcd" and "321", or stays."""
    step = ord(piece[1]) - ord(piece[0])
    if abs(step) > 1:
        return False
    return piece == "".join(chr(ord(piece[0]) + n * step) for n in range(len(piece)))


def _is_year(piece: str) -> bool:
    return len(piece) == 4 and piece.isdecimal() and piece[:2] in ("19", "20")
