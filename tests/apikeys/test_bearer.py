"""The one header grammar: which credential a request presents, in every spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apikeys.bearer import CONFLICT, MAX_TOKEN_LENGTH, Carrier, Presented, extract

pytestmark = pytest.mark.fast

NONE, HEADER, URL, TWO = Carrier.NONE, Carrier.HEADER, Carrier.URL, Carrier.CONFLICT
LONGEST = b"a" * MAX_TOKEN_LENGTH

# A value of Authorization; the carrier that it makes; the text, or None for a wrong form.
SPELLINGS: list[tuple[bytes, Carrier, str | None]] = [
    (b"", NONE, None),
    (b" ", NONE, None),
    (b"   ", NONE, None),
    (b"Bearer K", HEADER, "K"),
    (b"bearer K", HEADER, "K"),
    (b"BEARER K", HEADER, "K"),
    (b"bEaReR K", HEADER, "K"),
    (b"Bearer  K", HEADER, "K"),
    (b"Bearer      K", HEADER, "K"),
    (b" Bearer K", HEADER, "K"),
    (b"Bearer K ", HEADER, "K"),
    (b"Bearer K==", HEADER, "K=="),
    (b"Bearer a-b.c_d~e+f/g=", HEADER, "a-b.c_d~e+f/g="),
    (b"Bearer " + LONGEST, HEADER, LONGEST.decode()),
    (b"Bearer " + LONGEST + b"a", HEADER, None),
    (b"Bearer " + b"a" * 100_000, HEADER, None),
    (b"Bearer", HEADER, None),
    (b"Bearer ", HEADER, None),
    (b"Bearer    ", HEADER, None),
    (b"Bearer\tK", HEADER, None),
    (b"Bearer \tK", HEADER, None),
    (b"Bearer K\t", HEADER, "K"),
    (b"Bearer K \t ", HEADER, "K"),
    (b"\t Bearer K", HEADER, "K"),
    (b"Bearer K\t\v", HEADER, None),
    (b"Bearer K\xa0", HEADER, None),
    (b"Bearer\t", HEADER, None),
    (b"\t", NONE, None),
    (b"Bearer =", HEADER, None),
    (b"Bearer ==K", HEADER, None),
    (b"Bearer K=K", HEADER, None),
    (b'Bearer "K"', HEADER, None),
    (b"Bearer <K>", HEADER, None),
    (b"Bearer K;", HEADER, None),
    (b"Bearer K\0", HEADER, None),
    (b"Bearer \xc3\xa9", HEADER, None),
    (b"Bearer \xff", HEADER, None),
    (b"Bearer:K", HEADER, None),
    (b"Bearer=K", HEADER, None),
    (b"Bearer%20K", NONE, None),
    (b"Bearer K K", TWO, None),
    (b"Bearer K\tK", TWO, None),
    (b"Bearer Bearer K", TWO, None),
    (b"Bearer K,", TWO, None),
    (b"Bearer K,K", TWO, None),
    (b"Bearer K, Bearer L", TWO, None),
    (b"Bearer K, Basic eA==", TWO, None),
    (b"Basic eA==, Bearer K", TWO, None),
    (b"Bearer ,", TWO, None),
    (b", Bearer K", TWO, None),
    (b"BearerK", NONE, None),
    (b"Bearer_K", NONE, None),
    (b"Bearers K", NONE, None),
    (b"K", NONE, None),
    (b"flk_sk_AAAAAAAAAAAA_x", NONE, None),
    (b"Basic eA==", NONE, None),
    (b"Basic x Bearer K", NONE, None),
    (b"Token K", NONE, None),
    (b"Digest a=1, b=2", NONE, None),
]


@pytest.mark.parametrize(("value", "carrier", "text"), SPELLINGS, ids=lambda v: repr(v)[:40])
def test_a_spelling_of_the_header_means_this(
    value: bytes, carrier: Carrier, text: str | None
) -> None:
    presented = extract([(b"host", b"x"), (b"authorization", value)], b"")
    assert (presented.carrier, presented.text) == (carrier, text)


QUERIES: list[tuple[bytes, Carrier, str | None]] = [
    (b"", NONE, None),
    (b"a=b", NONE, None),
    (b"apiKey=K", URL, "K"),
    (b"apikey=K", URL, "K"),
    (b"APIKEY=K", URL, "K"),
    (b"access_token=K", URL, "K"),
    (b"x=1&apiKey=K&y=2", URL, "K"),
    (b"apiKey=", URL, ""),
    (b"apiKey", URL, ""),
    (b"api%4Bey=K", URL, "K"),
    (b"apiKey=%4B", URL, "K"),
    (b"apiKey=a%2Bb", URL, "a+b"),
    (b"apiKey=%00", URL, "\0"),
    (b"apiKey=%ff", URL, "\ufffd"),
    (b"apiKey=K&apiKey=K", TWO, None),
    (b"apiKey=K&access_token=K", TWO, None),
    (b"apiKey=&apikey=", TWO, None),
    (b"xapiKey=K", NONE, None),
    (b"apiKey[]=K", URL, "K"),
    (b"x=1;apiKey=K", URL, "K"),
]


@pytest.mark.parametrize(("query", "carrier", "text"), QUERIES, ids=lambda v: repr(v)[:40])
def test_a_spelling_of_the_query_means_this(
    query: bytes, carrier: Carrier, text: str | None
) -> None:
    presented = extract([], query)
    assert (presented.carrier, presented.text) == (carrier, text)


@pytest.mark.parametrize("value", [b"Bearer K", b"Bearer", b"Bearer \xff", b"Bearer K K"])
def test_a_header_and_a_key_in_the_url_are_two(value: bytes) -> None:
    assert extract([(b"authorization", value)], b"apiKey=K").carrier is TWO


@pytest.mark.parametrize("value", [b"", b" ", b"Basic eA=="])
def test_a_header_that_is_no_credential_leaves_the_one_in_the_url(value: bytes) -> None:
    assert extract([(b"authorization", value)], b"apiKey=K") == Presented(URL, "K")


@pytest.mark.parametrize(
    "name", [b"x-api-key", b"apikey", b"cookie", b"proxy-authorization", b"x-authorization"]
)
def test_other_headers_are_never_credentials(name: bytes) -> None:
    assert extract([(name, b"Bearer K")], b"").carrier is NONE


VALUES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        b"".join,
        st.lists(
            st.sampled_from([b"Bearer", b"bearer", b" ", b",", b"\t", b"=", b"K", b"\0", b"\xff"]),
            max_size=8,
        ),
    ),
)


@given(st.lists(VALUES, max_size=3), st.binary(max_size=60))
def test_arbitrary_bytes_never_raise(values: list[bytes], query: bytes) -> None:
    presented = extract([(b"authorization", value) for value in values], query)
    assert isinstance(presented.carrier, Carrier)
    if presented.text is not None:
        assert presented.carrier in (HEADER, URL)


@given(VALUES, VALUES, st.binary(max_size=20))
def test_two_headers_are_always_a_conflict(one: bytes, two: bytes, query: bytes) -> None:
    assert extract([(b"authorization", one), (b"authorization", two)], query) == CONFLICT


@given(VALUES)
def test_what_is_let_through_is_one_b64token(value: bytes) -> None:
    text = extract([(b"authorization", value)], b"").text
    if text is not None:
        assert 0 < len(text) <= MAX_TOKEN_LENGTH
        assert all(c.isascii() and (c.isalnum() or c in "-._~+/=") for c in text)


@given(st.text(alphabet="0123456789abcdef", min_size=12, max_size=60))
def test_a_repr_never_holds_the_text(text: str) -> None:
    by_header = extract([(b"authorization", b"Bearer " + text.encode())], b"")
    by_url = extract([], b"apiKey=" + text.encode())
    assert by_header.text == by_url.text == text
    for presented in (by_header, by_url):
        assert text not in repr(presented)
        assert text not in f"{presented} {[presented]}"
