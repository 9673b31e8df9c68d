"""The one encoder of compact JSON: what orjson refuses is encoded all the same."""

import json

import pytest

from chatflows.encoding import encode

pytestmark = pytest.mark.fast


def test_json_is_compact_and_in_utf_8() -> None:
    assert encode({"text": "Grüße 🔑", "pieces": [1, None, True]}) == (
        '{"text":"Grüße 🔑","pieces":[1,null,true]}'.encode()
    )


@pytest.mark.parametrize(
    "value",
    [{"text": "half \ud83d"}, {"tokens": 2**70}, {"1": {"nested": [[[]]]}}, ["\0", "\x7f", '"\\']],
)
def test_what_was_encoded_reads_back_as_it_was(value: object) -> None:
    assert json.loads(encode(value)) == value


def test_a_key_that_is_no_string_becomes_one() -> None:
    assert encode({1: "one"}) == b'{"1":"one"}'


def test_deep_json_of_an_upstream_is_encoded() -> None:
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]
    assert encode(deep) == b"[" * 401 + b"]" * 401


def test_no_number_is_written_that_json_does_not_have() -> None:
    assert encode({"big": float("inf")}) == b'{"big":null}'
