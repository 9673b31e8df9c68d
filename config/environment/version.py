"""The version of Flowlatch and the packages that it needs, as pyproject.toml states them."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

VERSION: str = _PROJECT["version"]
DEPENDENCIES: list[str] = _PROJECT["dependencies"]
