"""HOST and PUBLIC_URL: one spelling of each host, whatever people write."""

import pytest

from accounts.network import hosts

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("written", "url", "host", "mail"),
    [
        ("http://[::1]:8000", "http://[::1]:8000", "[::1]", "[IPv6:::1]"),
        (
            "https://[2001:DB8:0::1]",
            "https://[2001:db8::1]",
            "[2001:db8::1]",
            "[IPv6:2001:db8::1]",
        ),
        ("http://192.0.2.7:80/", "http://192.0.2.7", *["192.0.2.7"] * 2),
        ("HTTPS://Chat.Example.COM", "https://chat.example.com", *["chat.example.com"] * 2),
        ("https://chat.example.com.:443", "https://chat.example.com", *["chat.example.com"] * 2),
        ("https://chat.example:8443", "https://chat.example:8443", *["chat.example"] * 2),
        ("https://chat.example:", "https://chat.example", *["chat.example"] * 2),
        ("https://fl\u00f6w.example", "https://xn--flw-tna.example", *["xn--flw-tna.example"] * 2),
        ("https://FL\u00d6W.example", "https://xn--flw-tna.example", *["xn--flw-tna.example"] * 2),
        ("https://flo\u0308w.example", "https://xn--flw-tna.example", *["xn--flw-tna.example"] * 2),
        (
            "https://\u4f8b\u3048.\u30c6\u30b9\u30c8",
            "https://xn--r8jz45g.xn--zckzah",
            *["xn--r8jz45g.xn--zckzah"] * 2,
        ),
        (
            "https://\u4f8b\u3048\u3002jp:8443",
            "https://xn--r8jz45g.jp:8443",
            *["xn--r8jz45g.jp"] * 2,
        ),
        ("https://r3---sn.example", "https://r3---sn.example", *["r3---sn.example"] * 2),
    ],
)
def test_a_public_url_has_one_spelling(written: str, url: str, host: str, mail: str) -> None:
    read = hosts.public_url(written)
    assert (str(read), read.host, read.mail_domain) == (url, host, mail)
    assert hosts.public_url(url) == read


@pytest.mark.parametrize(
    "written",
    [
        *("", "chat.example", "ftp://chat.example", "http://", "https:///x"),
        *("https://chat.example/path", "https://chat.example?q", "https://chat.example#f"),
        *("https://me@chat.example", "https://me:pw@chat.example", "https://a b", "https://a\tb"),
        *("https://chat.example:0", "https://chat.example:65536", "https://chat.example:x"),
        *("https://[fe80::1%25eth0]", "https://[fe80::1%eth0]:80", "https://[::1", "https://::1"),
        *("https://[v1.x]", "https://[192.0.2.1]", "https://[::ffff:192.0.2.1]", "https://[]"),
        *("https://*.example", "https://a_b.example", "https://-a.example", "https://a..b"),
        *("https://192.0.2.999", "https://0177.0.0.1", "https://1", "https://\uff11.\uff12"),
        *("https://" + "a" * 64, "https://" + "a." * 130, "https://" + "\u00f6" * 5000),
        *("https://a\\b", "https://a,b", "https://a\u2044b", "https://\udce4", "https://a\0b"),
    ],
)
def test_what_is_no_public_url_is_refused(written: str) -> None:
    with pytest.raises(hosts.Unreadable):
        hosts.public_url(written)


@pytest.mark.parametrize(
    ("written", "host", "url"),
    [
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "0.0.0.0", "http://127.0.0.1:1"),
        ("::", "::", "http://[::1]:1"),
        ("::1", "::1", "http://[::1]:1"),
        ("[::1]", "::1", "http://[::1]:1"),
        ("[::]", "::", "http://[::1]:1"),
        ("2001:DB8::0", "2001:db8::", "http://[2001:db8::]:1"),
        ("localhost", "localhost", "http://localhost:1"),
        ("my_box.lan", "my_box.lan", "http://my_box.lan:1"),
    ],
)
def test_where_it_listens_has_one_spelling(written: str, host: str, url: str) -> None:
    assert hosts.listening_host(written) == host
    assert hosts.local_url(host, 1) == url


@pytest.mark.parametrize(
    "written",
    [
        *("http://127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "[127.0.0.1]", "fe80::1%eth0"),
        *("*", "a b", "1.2.3", "300.1.1.1", "a\0", "[::1", "-a", "\u00f6" * 300),
    ],
)
def test_what_is_no_place_to_listen_is_refused(written: str) -> None:
    with pytest.raises(hosts.Unreadable):
        hosts.listening_host(written)
