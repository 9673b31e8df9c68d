"""The packages that Flowlatch needs, and which of them are missing here or of a wrong version.

`manage.py` reads this when an import fails, so it needs no package at all to be imported.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import metadata

from config.environment.version import DEPENDENCIES, ROOT

ADVICE = "Run `make install`, then start again."


def locked() -> list[str]:
    """Return the names in requirements.txt: our packages, and those that they need in turn."""
    path = ROOT / "requirements.txt"
    text = path.read_text("utf-8") if path.exists() else ""
    lines = re.findall(r"^([\w.-]+)==\S+( ;[^\\\n]+)?", text, re.MULTILINE)
    return [name + marker for name, marker in lines]


def complaint(needed: Iterable[str] = (*DEPENDENCIES, *locked())) -> str:
    """Return one line that names what is missing or of a wrong version, or nothing."""
    try:
        faults = dict(_faults(needed))
    except ImportError:
        return f"The package packaging is missing. {ADVICE}"
    return f"Packages don't fit: {', '.join(faults.values())}. {ADVICE}" if faults else ""


def _faults(needed: Iterable[str]) -> Iterator[tuple[str, str]]:
    from packaging.requirements import Requirement  # noqa: PLC0415 (it may be missing)

    for requirement in map(Requirement, needed):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        name = requirement.name
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, f"{name} is missing"
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            yield name, f"{name} is {found} and has to be {requirement.specifier}"
