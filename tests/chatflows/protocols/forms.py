"""Forms with a question and a file, byte by byte as clients of many languages send them."""

from typing import NamedTuple


class Form(NamedTuple):
    """What a client sends. `%s` stands for the boundary, as in the body."""

    media_type: bytes
    mark: bytes
    body: bytes
    file_name: str = "a.txt"
    file_type: str = "application/octet-stream"
    question: str = "say hi"

    @property
    def content_type(self) -> bytes:
        """The Content-Type as it is sent."""
        return self.media_type.replace(b"%s", self.mark)

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return self.body.replace(b"\n", b"\r\n").replace(b"%s", self.mark)


PLAIN, QUOTED = b"multipart/form-data; boundary=%s", b'multipart/form-data; boundary="%s"'
FORMS = {
    ".NET MultipartFormDataContent": Form(
        QUOTED,
        b"2f9c63ad-90bb-4a1f-9e0e-6b7f6d2f8f10",
        b"""--%s
Content-Type: text/plain; charset=utf-8
Content-Disposition: form-data; name=question

say hi
--%s
Content-Disposition: form-data; name=files; filename=a.txt; filename*=utf-8''a.txt

abc
--%s--
""",
    ),
    ".NET, beyond ASCII": Form(
        QUOTED,
        b"2f9c63ad-90bb-4a1f-9e0e-6b7f6d2f8f10",
        b"""--%s
Content-Type: text/plain; charset=utf-8
Content-Disposition: form-data; name=question

say h\xc3\xa9
--%s
Content-Type: text/plain
Content-Disposition: form-data; name=files; filename="=?utf-8?B?w6kudHh0?="; """
        b"""filename*=utf-8''%C3%A9.txt

abc
--%s--
""",
        "é.txt",
        "text/plain",
        "say hé",
    ),
    "Dart's http, as Flutter has it": Form(
        PLAIN,
        b"dart-http-boundary-UQqGfYFwHXS1KlOgLwFdQXqEi3JZjW6HgmwbYOPuhnvK.TlbVGE",
        b"""--%s
content-disposition: form-data; name="question"
content-type: text/plain; charset=utf-8
content-transfer-encoding: binary

say h\xc3\xa9
--%s
content-type: application/octet-stream
content-disposition: form-data; name="files"; filename="a.txt"

abc
--%s--
""",
        question="say hé",
    ),
    "Dart's http, ASCII": Form(
        PLAIN,
        b"dart-http-boundary-UQqGfYFwHXS1KlOgLwFdQXqEi3JZjW6HgmwbYOPuhnvK+TlbVGE",
        b"""--%s
content-disposition: form-data; name="question"

say hi
--%s
content-type: text/plain; charset=utf-8
content-disposition: form-data; name="files"; filename="a %22b%22.txt"

abc
--%s--
""",
        'a "b".txt',
        "text/plain",
    ),
    "Java, Apache's HttpClient": Form(
        b"multipart/form-data; boundary=%s; charset=UTF-8",
        b"Zx_7Kc-0aTq2Wm1VbYhG5rPdEoLs",
        b"""--%s
Content-Disposition: form-data; name="question"
Content-Type: text/plain; charset=ISO-8859-1
Content-Transfer-Encoding: 8bit

say h\xe9
--%s
Content-Disposition: form-data; name="files"; filename="a.txt"
Content-Type: application/octet-stream
Content-Transfer-Encoding: binary

abc
--%s--
""",
        question="say hé",
    ),
    "Java, Apache's MULTIPART_FORM_DATA": Form(
        b"multipart/form-data; charset=ISO-8859-1; boundary=%s",
        b"Zx_7Kc-0aTq2Wm1VbYhG5rPdEoLs",
        b"""--%s
Content-Disposition: form-data; name="question"

say h\xe9
--%s
Content-Disposition: form-data; name="files"; filename="a.txt"
Content-Type: application/octet-stream

abc
--%s--
""",
        question="say hé",
    ),
    "Java, OkHttp": Form(
        PLAIN,
        b"b1d8d9c5-4c5a-4d0a-8f0f-0e8a6f6c1b11",
        b"""--%s
Content-Disposition: form-data; name="question"
Content-Length: 6

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a %22b%22.txt"
Content-Type: text/plain
Content-Length: 3

abc
--%s--
""",
        'a "b".txt',
        "text/plain",
    ),
    "Java, Spring": Form(
        b"multipart/form-data;boundary=%s;charset=UTF-8",
        b"oxFJ8n0Fe5Kz9XYBiqOz1EwKfLzlQhX0",
        b"""--%s
Content-Disposition: form-data; name="question"
Content-Type: text/plain;charset=UTF-8
Content-Length: 6

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a.txt"
Content-Type: text/plain
Content-Length: 3

abc
--%s--
""",
        file_type="text/plain",
    ),
    "Java, JavaMail's boundary": Form(
        PLAIN,
        b"----=_Part_0_1330339747.1764150000000",
        b"""--%s
Content-Disposition: form-data; name="question"

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a.txt"

abc
--%s--
""",
    ),
    "Go's mime/multipart": Form(
        PLAIN,
        b"5cf9a2b2e7ab6a6a3b1e4f1b0c3c4d5e6f708192a3b4c5d6e7f8091a2b3c",
        b"""--%s
Content-Disposition: form-data; name="question"

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a \\"b\\".txt"
Content-Type: application/octet-stream

abc
--%s--
""",
        'a "b".txt',
    ),
    "Ruby's set_form": Form(
        PLAIN,
        b"----RubyFormBoundary9Q8Wn4Ww0WnJ5iJgS8c",
        b"""--%s
Content-Disposition: form-data; name="question"

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a \\"b\\".txt"
Content-Type: application/octet-stream

abc
--%s--
""",
        'a "b".txt',
    ),
    "PHP's Guzzle": Form(
        PLAIN,
        b"8c4d0f0a3b7f1c6d8d5e2f5b9a7c3e1d0f4b6a8c",
        b"""--%s
Content-Disposition: form-data; name="question"
Content-Length: 6

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a.txt"
Content-Length: 3
Content-Type: text/plain

abc
--%s--
""",
        file_type="text/plain",
    ),
    "Rust's reqwest": Form(
        PLAIN,
        b"7c4f0e1d2b3a4958-6f7e8d9c0b1a2938-1122334455667788-99aabbccddeeff00",
        b"""--%s
Content-Disposition: form-data; name="question"

say hi
--%s
Content-Disposition: form-data; name="files"; filename*=utf-8''%C3%A9.txt
Content-Type: text/plain

abc
--%s--
""",
        "é.txt",
        "text/plain",
    ),
    "Unity's WWWForm": Form(
        QUOTED,
        b"l2Xv8Qm0ZrT5bN1cK7jP4hYdWf3gUeSa6iOoRtEx",
        b"""
--%s
Content-Type: text/plain; charset="utf-8"
Content-disposition: form-data; name="question"

say hi
--%s
Content-Type: application/octet-stream
Content-disposition: form-data; name="files"; filename="a.txt"

abc
--%s--
""",
    ),
    "curl": Form(
        PLAIN,
        b"------------------------af00909d9f1c3aad",
        b"""--%s
Content-Disposition: form-data; name="question"

say h\xc3\xa9
--%s
Content-Disposition: form-data; name="files"; filename="a %22b%22.txt"
Content-Type: text/plain

abc
--%s--
""",
        'a "b".txt',
        "text/plain",
        "say hé",
    ),
    "Python's httpx and requests": Form(
        PLAIN,
        b"d004d0f4651a8c4fdd9297f35cf68c53",
        b"""--%s
Content-Disposition: form-data; name="question"

say hi
--%s
Content-Disposition: form-data; name="files"; filename="a %22b%22\xc3\xa9.txt"
Content-Type: text/plain

abc
--%s--
""",
        'a "b"é.txt',
        "text/plain",
    ),
    "Python's aiohttp": Form(
        PLAIN,
        b"46c2bfda8044452a9407d39ed66d7b55",
        b"""--%s
Content-Type: text/plain; charset=utf-8
Content-Disposition: form-data; name="question"

say h\xc3\xa9
--%s
Content-Type: text/plain
Content-Disposition: form-data; name="files"; filename="a.txt"

abc
--%s--
""",
        file_type="text/plain",
        question="say hé",
    ),
    "node's fetch (undici), and browsers": Form(
        PLAIN,
        b"----formdata-undici-083573356650",
        b"""--%s
Content-Disposition: form-data; name="question"

say h\xc3\xa9
--%s
Content-Disposition: form-data; name="files"; filename="a %22b%22.txt"
Content-Type: text/plain;charset=utf-8

abc
--%s--
""",
        'a "b".txt',
        "text/plain",
        "say hé",
    ),
}
