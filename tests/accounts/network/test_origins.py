"""Origins are kept as browsers send them, and what is no origin is refused with a remedy."""

import pytest

from accounts.network.origins import origin

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://shop.example.com", "https://shop.example.com"),
        ("HTTPS://Shop.Example.com:443", "https://shop.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://shop.example.com:80", "http://shop.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://192.0.2.1", "http://192.0.2.1"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(text: str, kept: str) -> None:
    assert origin(text) == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("*", "write each name out"),
        ("https://*.com", "write each name out"),
        ("https://*.shop.example.com", "write each name out"),
        ("javascript:alert(1)", "write https:// and a host"),
        ("javascript://shop.example.com", "write https:// and a host"),
        ("null", "write https:// and a host"),
        ("shop.example.com", "write https:// and a host"),
        ("file:///etc/passwd", "write https:// and a host"),
        ("https://shop.example.com/", "leave out what follows"),
        ("https://shop.example.com/cart", "leave out what follows"),
        ("https://shop.example.com?a", "leave out what follows"),
        ("https://shop.example.com#a", "leave out what follows"),
        ("https://shop.example.com\\a", "leave out what follows"),
        ("https://user@shop.example.com", "leave the user name out"),
        ("https://user:pass@shop.example.com", "leave the user name out"),
        ("https://shop.example.com.", "leave the last dot out"),
        ("https://shop.example.com:0", "this is no host"),
        ("https://shop.example.com:65536", "this is no host"),
        ("https://shop example.com", "this is no host"),
        ("https://", "this is no host"),
        ("https://[::ffff:192.0.2.1]", "this is no host"),
        ("https://256.1.1.1", "this is no host"),
        ("https://" + "a" * 250 + ".example", "at most 200"),
    ],
)
def test_what_is_no_origin_is_refused_with_a_remedy(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        origin(text)
