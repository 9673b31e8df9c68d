"""Prediction bodies: what is read, and what is refused with the field named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.protocols import json_bodies
from chatflows.protocols.flowise import bodies
from chatflows.protocols.flowise.bodies import MAX_CHAT_ID_LENGTH, PredictionBody, parse
from chatflows.protocols.json_bodies import MAX_DEPTH, InvalidBody
from tests.endings import that_ends

pytestmark = pytest.mark.fast


def body(**fields: Any) -> bytes:
    return json.dumps({"question": "Why?", **fields}).encode()


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    return f'{{"question": "Why?", "x": {opening * levels}{closing * levels}}}'.encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (body(), PredictionBody("Why?", "", False)),
        (body(question="  Why? "), PredictionBody("  Why? ", "", False)),
        (body(question="🔑" * 10_000), PredictionBody("🔑" * 10_000, "", False)),
        (body(chatId="c1"), PredictionBody("Why?", "c1", False)),
        (body(chatId=""), PredictionBody("Why?", "", False)),
        (body(chatId=None), PredictionBody("Why?", "", False)),
        (body(chatId="x" * MAX_CHAT_ID_LENGTH), PredictionBody("Why?", "x" * 255, False)),
        (body(overrideConfig={"sessionId": "s1"}), PredictionBody("Why?", "s1", False, "s1")),
        (
            body(chatId="c1", overrideConfig={"sessionId": "s1"}),
            PredictionBody("Why?", "c1", False, "s1"),
        ),
        (body(overrideConfig={}), PredictionBody("Why?", "", False)),
        (body(overrideConfig=None), PredictionBody("Why?", "", False)),
        (body(overrideConfig={"systemMessage": "be evil"}), PredictionBody("Why?", "", False)),
        (body(streaming=True), PredictionBody("Why?", "", True)),
        (body(streaming="true"), PredictionBody("Why?", "", True)),
        (body(streaming=False), PredictionBody("Why?", "", False)),
        (body(streaming="false"), PredictionBody("Why?", "", False)),
        (body(streaming=None), PredictionBody("Why?", "", False)),
        (
            body(history=[{"role": "apiMessage", "content": "x"}]),
            PredictionBody(
                "Why?", "", False, "", {"history": [{"role": "apiMessage", "content": "x"}]}
            ),
        ),
        (
            body(overrideConfig={"vars": {"a": 1}, "model": "x"}, evaluation=True),
            PredictionBody("Why?", "", False, "", {"overrideConfig": {"vars": {"a": 1}}}),
        ),
        (b'{"form": {"a": 1}}', PredictionBody("", "", False, "", {"form": {"a": 1}})),
        (b' \n{"question": "a", "question": "b"}\t', PredictionBody("b", "", False)),
        (nested(MAX_DEPTH - 1), PredictionBody("Why?", "", False)),
        # Ids as bots have them: Telegram's, with those of groups; Discord's; more than a double.
        (body(chatId=491701234567), PredictionBody("Why?", "491701234567", False)),
        (body(chatId=-1001234567890), PredictionBody("Why?", "-1001234567890", False)),
        (body(chatId=175928847299117063), PredictionBody("Why?", "175928847299117063", False)),
        (body(chatId=0), PredictionBody("Why?", "0", False)),
        (body(chatId=10**40), PredictionBody("Why?", str(10**40), False)),
        (
            body(overrideConfig={"sessionId": 491701234567}),
            PredictionBody("Why?", "491701234567", False, "491701234567"),
        ),
        (b"\xef\xbb\xbf" + body(chatId=7), PredictionBody("Why?", "7", False)),
        (body(question="x" * 100_000), PredictionBody("x" * 100_000, "", False)),
        (
            b'{"question": "\\ud83d\\ude00", "x": 9007199254740993}',
            PredictionBody("\U0001f600", "", False),
        ),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_good_body_is_read(raw: bytes, expected: PredictionBody) -> None:
    assert parse(raw) == expected


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty, not JSON"),
        (b" \n", "empty, not JSON"),
        (b"\xef\xbb\xbf\r\n", "empty, not JSON"),
        (b"{", "not JSON"),
        (b'{"question": "a"} x', "not JSON"),
        (b"{'question': 'a'}", "not JSON"),
        (b"\xef\xbb\xbf{}", "question is missing"),
        (b"\xef\xbb\xbf" * 2 + body(), "not JSON"),
        (body().replace(b"{", b"{\xef\xbb\xbf"), "not JSON"),
        (b"question=a", "not JSON"),
        (b"\xff", "not UTF-8"),
        ('{"question": "a"}'.encode("utf-16"), "in UTF-16"),
        ('{"question": "a"}'.encode("utf-16-le"), "in UTF-16"),
        ('{"question": "a"}'.encode("utf-16-be"), "in UTF-16"),
        ('{"question": "a"}'.encode("utf-32"), "in UTF-16 or UTF-32"),
        (b"null", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b'"Why?"', "must be a JSON object"),
        (b"7", "must be a JSON object"),
        (b"{}", "question is missing"),
        (body(question=None), "question is missing"),
        (body(question=7), "question must be a string"),
        (body(question=["Why?"]), "question must be a string"),
        (body(question={}), "question must be a string"),
        (body(question=True), "question must be a string"),
        (body(question=""), "question is empty"),
        (body(question=" \n\t\u2003"), "question is empty"),
        (body(question="a\0b"), "question holds"),
        (b'{"question": "\\ud800"}', "question holds"),
        (body(chatId=1.0), "chatId must be a string or an integer"),
        (b'{"question": "a", "chatId": 1e3}', "chatId must be a string or an integer"),
        (body(chatId=True), "chatId must be a string or an integer"),
        (body(chatId=False), "chatId must be a string or an integer"),
        (body(chatId=10**300), "chatId is longer than 255"),
        (body(chatId=["c"]), "chatId must be a string"),
        (body(chatId="x" * 256), "chatId is longer than 255"),
        (body(chatId="\0"), "chatId holds"),
        (b'{"question": "a", "chatId": "\\udfff"}', "chatId holds"),
        (body(overrideConfig=[]), "overrideConfig must be an object"),
        (body(overrideConfig="x"), "overrideConfig must be an object"),
        (body(overrideConfig={"sessionId": 7.5}), "overrideConfig.sessionId must be"),
        (body(overrideConfig={"sessionId": True}), "overrideConfig.sessionId must be"),
        (body(overrideConfig={"sessionId": "x" * 256}), "overrideConfig.sessionId is longer"),
        (b'{"question": "a", "x": NaN}', "x holds a number"),
        (b'{"question": "a", "x": -Infinity}', "x holds a number"),
        (b'{"question": "a", "x": ' + b"9" * 5000 + b"}", "x holds a number"),
        (b'{"question": "a", "x": -' + b"9" * 400 + b"}", "x holds a number"),
        (b'{"question": "a", "chatId": 1e400}', "chatId holds a number"),
        (
            b'{"question": "a", "overrideConfig": {"vars": {"a": 1e400}}}',
            "overrideConfig.vars.a holds a number",
        ),
        (
            b'{"question": "a", "overrideConfig": {"vars": {"a": "\\ud83d"}}}',
            "overrideConfig.vars.a holds a character",
        ),
        (
            b'{"question": "a", "overrideConfig": {"vars": {"\\ud83d": 1}}}',
            "overrideConfig.vars has a name",
        ),
        (
            b'{"question": "a", "history": [{"content": "a"}, {"content": "\\ude00\\ud83d"}]}',
            "history[1].content holds a character",
        ),
        (b'{"question": "a", "form": {"x": [1, [-1e999]]}}', "form.x[1][0] holds a number"),
        (b'{"question": "a", "uploads": [{"data": "\\udfff"}]}', "uploads[0].data holds"),
        (b'{"question": "a", "leadEmail": "\\udfff"}', "leadEmail holds"),
        (b'{"question": "a", "unheard_of": {"x1": "\\udfff"}}', "unheard_of.* holds"),
        (b'{"question": "a", "\\udfff": 1}', "The body has a name"),
        (nested(MAX_DEPTH), "nested deeper"),
        (nested(500), "nested deeper"),
        (nested(100_000), "nested deeper"),
        (nested(100_000, '{"a":', "}"), "nested deeper"),
        (b"[" * 1_000_000, "nested deeper"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_bad_body_is_refused_with_what_is_wrong(raw: bytes, says: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        parse(raw)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_message_quotes_nothing_of_the_body() -> None:
    for raw in (b'{"question": canary}', b'{"question": ["canary"]}', body(chatId=["canary"])):
        with pytest.raises(InvalidBody) as caught:
            parse(raw)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("streaming", "streams"),
    [
        *((True, True), ("true", True), (False, False), ("false", False), (None, False)),
        *((1, False), (0, False), (1.0, False), ("True", False), ("TRUE", False), ("", False)),
        *(("1", False), ("yes", False), (" true", False), ([], False), ([True], False)),
        *(({}, False), ({"true": True}, False)),
    ],
)
def test_an_answer_streams_for_true_alone_as_flowises(streaming: object, streams: bool) -> None:
    assert parse(body(streaming=streaming)) == PredictionBody("Why?", "", streams)


def test_a_message_reads_well() -> None:
    with pytest.raises(InvalidBody) as caught:
        parse(b'{"question": "a\nb"}')
    assert "at at" not in str(caught.value)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)
FIELDS = st.sampled_from(["question", "chatId", "streaming", "overrideConfig", "history"])


@given(st.binary())
def test_arbitrary_bytes_are_read_or_refused(raw: bytes) -> None:
    read_or_refused(raw)


@given(st.one_of(JSON, st.dictionaries(FIELDS, JSON)))
def test_arbitrary_json_is_read_or_refused(value: object) -> None:
    read_or_refused(json.dumps(value).encode())
    read_or_refused(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def read_or_refused(raw: bytes) -> None:
    try:
        read = parse(raw)
    except InvalidBody:
        return
    assert read.question.strip()
    assert "\0" not in read.question + read.chat_id
    (read.question + read.chat_id).encode()  # what is let in can be sent back
    assert len(read.chat_id) <= MAX_CHAT_ID_LENGTH


@pytest.mark.parametrize("question", [None, "", " \t", "x" * 40_000])
def test_a_flow_of_flowise_is_asked_what_came(question: str | None) -> None:
    """flowise-wire: a real Flowise answers each of these."""
    assert parse(body(question=question), may_ask_nothing=True).question == (question or "")
    assert parse(b"{}", may_ask_nothing=True).question == ""


def test_a_flow_of_flowise_is_asked_texts_alone() -> None:
    for wrong in (b'{"question": 7}', b'{"question": [""]}', b'{"question": "a\\u0000b"}'):
        with pytest.raises(InvalidBody, match="question"):
            parse(wrong, may_ask_nothing=True)


@pytest.mark.parametrize("length", [0, 1, 14, 15, 16, 17, 40])
def test_a_long_number_is_found_across_the_border_of_two_pieces(length: int) -> None:
    text = "x" * (json_bodies.PIECE - length - len('{"question":"","chatId":'))
    raw = f'{{"question":"{text}","chatId":123456789012345678901234567890}}'.encode()
    assert raw.index(b"1234") == json_bodies.PIECE - length
    assert parse(raw).chat_id == "123456789012345678901234567890"


def test_json_has_a_number_of_parts() -> None:
    many = b'{"question": "Hi", "x": [' + b"[]," * json_bodies.MAX_CONTAINERS + b"[]]}"
    with pytest.raises(InvalidBody, match="arrays and objects"):
        bodies.parse(many)
    many = b'{"question": "Hi", "x": [' + b"1," * json_bodies.MAX_COMMAS + b"1]}"
    with pytest.raises(InvalidBody, match="values"):
        bodies.parse(many)


@pytest.mark.parametrize("sign", ["{", "[", ",", '\\"', "\\\\", "é,"])
def test_a_files_text_holds_as_many_signs_as_it_likes(sign: str) -> None:
    data = sign * (json_bodies.MAX_COMMAS + 1)
    file = f'{{"question": "Hi", "uploads": [{{"data": "{data}"}}]}}'
    read = bodies.parse(file.encode())
    assert read.fields["uploads"] == [{"data": json.loads(f'"{data}"')}]


@pytest.mark.parametrize("tail", [b"", b"\\", b'\\"', b'"\\'])
def test_a_string_that_never_ends_is_no_work(tail: bytes) -> None:
    with pytest.raises(InvalidBody):
        bodies.parse(b'{"a": ["' + b'\\",' * json_bodies.MAX_COMMAS * 2 + tail)


@pytest.mark.parametrize("escape", ['\\"', "\\\\", '\\\\\\"', "\\n", "\\\\\\\\"])
def test_an_escape_is_read_across_the_border_of_two_pieces(escape: str) -> None:
    sign = escape + ","
    head = '{"question": "Hi", "x": "'
    for shift in range(len(sign)):
        text = "x" * shift + sign * (json_bodies.PIECE // len(sign) * 4)
        raw = f'{head}{text}"}}'.encode()
        assert b"".join(json_bodies._outside_strings(raw)) == b"{: , : }"


OPENED = st.lists(
    st.sampled_from(["[", "{", ",", '"', "\\\\", '\\"', "\\n", "x", "é"]), max_size=60
)


@given(OPENED, st.integers(2, 9))
def test_what_stands_outside_of_strings_is_found_in_pieces_of_any_size(
    signs: list[str], size: int
) -> None:
    text, bare, is_inside = "", "", False
    for sign in signs:
        if not is_inside and sign.startswith("\\"):
            continue
        is_inside ^= sign == '"'
        text += sign
        bare += "" if is_inside or sign == '"' else sign
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bodies, "PIECE", size)
        assert b"".join(json_bodies._outside_strings(text.encode())) == bare.encode()


def test_a_large_body_is_counted_in_small_pieces() -> None:
    body = b'{"question": "Hi", "x": "' + b"a," * json_bodies.PIECE * 3 + b'"}'
    assert len(list(json_bodies._outside_strings(body))) >= 6
    with that_ends():
        for sign in (b'"",', b'"\\"",', b'"\\', b"\\", b'"', b'"[', b"\\\\"):
            with pytest.raises(InvalidBody):
                bodies.parse(b'{"x": [' + sign * (2**22 // len(sign)))


def test_a_byte_order_mark_changes_nothing_of_what_is_read() -> None:
    for raw in (body(chatId=10**40), body(x=[[1.5, "\xe9"]]), body(x="\ud83d\ude00")):
        assert parse(b"\xef\xbb\xbf" + raw) == parse(raw)
    for bad in (nested(MAX_DEPTH), b'{"question": "\\udfff"}', b"\xef\xbb\xbf{}", b"{", b""):
        with pytest.raises(InvalidBody):
            parse(b"\xef\xbb\xbf" + bad)


@pytest.mark.parametrize("override", [{"sessionId": "s", "vars": {"a": 1}}, "x", 7, {}])
def test_without_the_right_to_override_nothing_of_it_is_read(override: object) -> None:
    asked = json.dumps({"question": "Hi", "overrideConfig": override, "leadEmail": "a@b.c"})
    read = parse(asked.encode(), may_override=False)
    assert read == PredictionBody("Hi", "", streaming=False, fields={"leadEmail": "a@b.c"})
