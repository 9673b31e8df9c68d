"""Spreadsheets: cells that one would run as formulas are written as text. Pure."""

import re

# An apostrophe before the cell makes it text.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_DISARMED = re.compile(r"'+[=+\-@\t\r\n]")


def disarmed(cell: str) -> str:
    """A cell that no spreadsheet runs."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def armed(cell: str) -> str:
    """What `disarmed` was given."""
    return cell[1:] if _DISARMED.match(cell) else cell
