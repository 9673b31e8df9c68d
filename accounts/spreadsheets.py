"""Spreadsheets: write cells that would run as formulas as text. Pure."""

import re

# An apostrophe before the cell makes it text.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_DISARMED = re.compile(r"'+[=+\-@\t\r\n]")


def disarmed(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def armed(cell: str) -> str:
    """Return the cell that `disarmed` was given."""
    return cell[1:] if _DISARMED.match(cell) else cell
