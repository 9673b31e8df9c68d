"""Patterns for scanners: they find every key that we make, and no look-alike."""

import importlib.util
import re
import sys
import tomllib
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings

from apikeys import key_text

pytestmark = pytest.mark.fast
FOLDER = settings.BASE_DIR / "docs" / "scanners"


def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plugin, beside a stand-in for the one class of detect-secrets that it extends."""

    class RegexBasedDetector:
        denylist: tuple[re.Pattern[str], ...] = ()

        def analyze_string(self, string: str) -> Any:
            for pattern in self.denylist:
                yield from pattern.findall(string)

    base = ModuleType("detect_secrets.plugins.base")
    base.RegexBasedDetector = RegexBasedDetector  # type: ignore[attr-defined]
    for name in ("detect_secrets", "detect_secrets.plugins"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, base.__name__, base)
    spec = importlib.util.spec_from_file_location("plugin", FOLDER / "detect_secrets_flowlatch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FlowlatchDetector()


def test_gitleaks_expression_finds_a_thousand_keys_and_nothing_shorter() -> None:
    rules = tomllib.loads((FOLDER / "gitleaks.toml").read_text())["rules"]
    expression = re.compile(rules[0]["regex"])
    for _ in range(1000):
        text = key_text.generate().text
        assert expression.findall(f'KEY="{text}"') == [text]
        assert not expression.search(text[:-1])
        assert not expression.search(text + "a")
    assert rules[0]["keywords"] == [key_text.SECRET_PREFIX]


def test_the_plugin_finds_keys_by_their_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = plugin(monkeypatch)
    for _ in range(200):
        text = key_text.generate().text
        other = text[:-1] + ("A" if text[-1] != "A" else "B")
        assert [*detector.analyze_string(f"a = '{text}' # {other}")] == [text]
