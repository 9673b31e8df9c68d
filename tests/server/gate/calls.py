"""Calls that are sent by the short way and by the ordinary way, and the cast that they name."""

import json
import re
from itertools import pairwise
from typing import Any, NamedTuple

from apikeys import key_text
from tests.chatflows.engines.upstreams import FLOW, KEY
from tests.server.pairs import Pair

HI = b'{"question":"Hi"}'
UNKNOWN_FLOW = b"00000000-0000-4000-8000-000000000000"
SHORT, ORDINARY = "short", "ordinary"  # what the short way did with a call
NOT_HELD = ""  # it was never asked
ORIGIN = b"Origin: https://a.example\r\n"
ASKS = b"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-stainless-os\r\n"


class Call(NamedTuple):
    """A prediction, but for what is said here. `<name>` stands for a thing of the cast."""

    way: str = SHORT
    body: bytes = HI
    auth: bytes | None = b"Bearer <good>"
    more: bytes = b""  # further fields
    path: bytes = b"/api/v1/prediction/<flow>"
    media: bytes | None = b"application/json"
    method: bytes = b"POST"
    version: bytes = b"HTTP/1.1"
    framing: bytes | None = None  # in place of Content-Length
    splits: tuple[int, ...] = ()  # where the bytes are cut into packets, counted from the body

    def packets(self, cast: dict[str, bytes]) -> list[bytes]:
        """What is sent."""
        framing = self.framing
        if framing is None:
            framing = b"Content-Length: %d\r\n" % len(self.body)
        auth = b"" if self.auth is None else b"Authorization: " + self.auth + b"\r\n"
        media = b"" if self.media is None else b"Content-Type: " + self.media + b"\r\n"
        start = b" ".join([self.method, self.path, self.version])
        head = start + b"\r\nHost: localhost\r\n" + auth + self.more + media + framing + b"\r\n"
        head = re.sub(rb"<(\w+)>", lambda found: cast[found[1].decode()], head)
        whole = head + self.body
        cuts = [0, *[len(head) + split for split in self.splits], len(whole)]
        return [whole[a:b] for a, b in pairwise(cuts)]


def body(**fields: Any) -> bytes:
    """A question with more fields."""
    return json.dumps({"question": "Hi", **fields}).encode()


def to(flow: str) -> bytes:
    """The path of another chatflow."""
    return b"/api/v1/prediction/<" + flow.encode() + b">"


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (*chunks, b""))


CHUNKED = b"Transfer-Encoding: chunked\r\n"
KEYS = {
    "right": Call(),
    "not selected": Call(auth=b"Bearer <unselected>"),
    "disabled": Call(auth=b"Bearer <disabled>"),
    "deleted": Call(auth=b"Bearer <deleted>"),
    "expired": Call(auth=b"Bearer <expired>"),
    "replaced": Call(auth=b"Bearer <replaced>"),
    "its account is disabled": Call(auth=b"Bearer <account>"),
    "of a suspended team": Call(auth=b"Bearer <suspended>", path=to("suspended_flow")),
    "without the scope": Call(auth=b"Bearer <scopeless>"),
    "of another team": Call(auth=b"Bearer <theirs>"),
    "to another team's chatflow": Call(path=to("their_flow")),
    "to nobody's id": Call(path=b"/api/v1/prediction/" + UNKNOWN_FLOW),
    "wrong secret of a known id": Call(auth=b"Bearer <wrong_secret>"),
    "unknown id": Call(auth=b"Bearer <unknown>"),
    "mistyped": Call(auth=b"Bearer <good>x"),
    "nonsense": Call(auth=b"Bearer nonsense"),
    "empty": Call(auth=b"Bearer "),
    "no scheme": Call(auth=b"<good>"),
    "basic": Call(auth=b"Basic YTpi"),
    "twice": Call(more=b"Authorization: Bearer <good>\r\n"),
    "comma": Call(auth=b"Bearer <good>, Bearer <good>"),
    "basic and bearer": Call(auth=b"Basic x, Bearer <good>"),
    "lower case": Call(auth=b"bearer <good>"),
    "upper case": Call(auth=b"BEARER <good>"),
    "two spaces": Call(auth=b"Bearer  <good>"),
    "tab": Call(auth=b"Bearer\t<good>"),
    "spaces around": Call(auth=b"  Bearer <good>  "),
    "tab behind": Call(auth=b"Bearer <good>\t"),
    "not ASCII": Call(auth=b"Bearer \xff\xfe"),
    "none": Call(auth=None),
    "none to nobody's id": Call(auth=None, path=b"/api/v1/prediction/" + UNKNOWN_FLOW),
    "none, public": Call(auth=None, path=to("public_flow")),
    "good, public": Call(path=to("public_flow")),
    "bad, public": Call(auth=b"Bearer <unknown>", path=to("public_flow")),
    "good, off": Call(path=to("off_flow")),
    "none, off": Call(auth=None, path=to("off_flow")),
    "none, of a suspended team": Call(auth=None, path=to("suspended_flow")),
    "in the URL": Call(ORDINARY, auth=None, path=to("flow") + b"?apiKey=<good>"),
    "in the URL, allowed": Call(ORDINARY, auth=None, path=to("url_flow") + b"?apiKey=<good>"),
    "in the URL and the header": Call(ORDINARY, path=to("url_flow") + b"?apiKey=<good>"),
    "twice in the URL": Call(ORDINARY, auth=None, path=to("url_flow") + b"?apiKey=a&apiKey=b"),
}
HEADS = {
    "accept anything": Call(auth=None, more=b"Accept: */*\r\n"),
    "accept a stream": Call(auth=None, more=b"Accept: text/event-stream\r\n"),
    "accept a problem": Call(auth=None, more=b"Accept: application/problem+json\r\n"),
    "accept in upper case": Call(auth=None, more=b"Accept: TEXT/EVENT-STREAM\r\n"),
    "accept twice": Call(auth=None, more=b"Accept: a/b\r\nAccept: text/event-stream\r\n"),
    "accept oddly": Call(auth=None, more=b"Accept: \xff;;,\r\n"),
    "accept a stream, let in": Call(more=b"Accept: text/event-stream\r\n"),
    "origin": Call(more=ORIGIN),
    "origin twice": Call(more=ORIGIN * 2),
    "origin null": Call(more=b"Origin: null\r\n"),
    "origin of a refused": Call(auth=b"Bearer <unselected>", more=ORIGIN),
    "forwarded": Call(more=b"X-Forwarded-For: 203.0.113.7\r\n"),
    "forwarded, refused": Call(auth=None, more=b"X-Forwarded-For: 203.0.113.7\r\n"),
    "forwarded by two": Call(more=b"X-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n"),
    "forwarded twice": Call(more=b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 9.9.9.9\r\n"),
    "forwarded with a port": Call(more=b"X-Forwarded-For: 203.0.113.7:51234\r\n"),
    "forwarded in brackets": Call(more=b"X-Forwarded-For: [2001:db8::1]:443, ,\r\n"),
    "forwarded by nobody": Call(more=b"X-Forwarded-For: 203.0.113.7, unknown\r\n"),
    "forwarded oddly": Call(more=b"X-Forwarded-For: \xff, ,\r\n"),
    "no media type": Call(ORDINARY, media=None),
    "another media type": Call(ORDINARY, media=b"text/plain"),
    "form": Call(ORDINARY, media=b"multipart/form-data; boundary=x"),
    "media type with charset": Call(media=b"application/json; charset=utf-8"),
    "media type in upper case": Call(media=b'Application/JSON;CHARSET="UTF-8"'),
    "media type with charset=utf8": Call(media=b"application/json;charset=utf8"),
    "media type with a last semicolon": Call(media=b"application/json; charset=UTF-8;"),
    "media type with another parameter": Call(media=b"application/json;odata=verbose"),
    "media type with an escape": Call(media=b' application/json ;; charset="utf\\-8"'),
    "two charsets": Call(ORDINARY, media=b"application/json; charset=utf-8; charset=utf-7"),
    "a list of media types": Call(ORDINARY, media=b"application/json, text/plain"),
    "another charset": Call(ORDINARY, media=b"application/json; charset=latin-1"),
    "one media type twice": Call(more=b"Content-Type: application/json\r\n", way=ORDINARY),
    "media type twice, refused": Call(auth=None, more=b"Content-Type: text/plain\r\n"),
    "media type twice": Call(more=b"Content-Type: text/plain\r\n", way=ORDINARY),
    "compressed": Call(ORDINARY, more=b"Content-Encoding: gzip\r\n"),
    "identity and compressed": Call(
        ORDINARY, more=b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"
    ),
    "identity": Call(more=b"Content-Encoding: identity\r\n"),
    "another media type, refused": Call(auth=None, media=b"text/plain"),
    "cookie": Call(more=b"Cookie: sessionid=x\r\n"),
    "expects": Call(NOT_HELD, more=b"Expect: 100-continue\r\n"),
    "expects, refused": Call(NOT_HELD, auth=None, more=b"Expect: 100-continue\r\n"),
    "expects something": Call(more=b"Expect: nothing\r\n"),
    "closes": Call(NOT_HELD, more=b"Connection: close\r\n"),
    "closes, refused": Call(NOT_HELD, auth=None, more=b"Connection: close\r\n"),
    "keeps": Call(more=b"Connection: keep-alive\r\n"),
    "upgrades": Call(NOT_HELD, more=b"Connection: upgrade\r\nUpgrade: h2c\r\n"),
    "no host": Call(NOT_HELD, version=b"HTTP/1.1\r\nX-No: y", framing=b"Host: y\r\n"),
    "HTTP/1.0": Call(NOT_HELD, version=b"HTTP/1.0"),
    "HTTP/1.0 kept": Call(NOT_HELD, version=b"HTTP/1.0", more=b"Connection: keep-alive\r\n"),
    "HTTP/2.0": Call(NOT_HELD, version=b"HTTP/2.0"),
    "HEAD": Call(NOT_HELD, method=b"HEAD"),
    "GET": Call(NOT_HELD, method=b"GET"),
    "PUT": Call(NOT_HELD, method=b"PUT"),
    "OPTIONS": Call(NOT_HELD, method=b"OPTIONS", more=ORIGIN),
    "preflight": Call(NOT_HELD, method=b"OPTIONS", auth=None, more=ORIGIN + ASKS),
    "preflight elsewhere": Call(
        NOT_HELD, method=b"OPTIONS", auth=None, more=ORIGIN + ASKS, path=b"/v1/responses"
    ),
    "tab behind": Call(more=b"Content-Encoding:\tidentity\t\r\nOrigin: https://a.example \t\r\n"),
    "media type, tab behind": Call(media=b"application/json\t"),
    "another id's case": Call(ORDINARY, path=b"/api/v1/prediction/0198C2F4" + UNKNOWN_FLOW[8:]),
    "trailing slash": Call(ORDINARY, path=to("flow") + b"/"),
    "nothing": Call(ORDINARY, path=b"/api/v1/prediction/"),
    "doubled slash": Call(ORDINARY, path=b"/api/v1/prediction//<flow>"),
    "encoded": Call(NOT_HELD, path=b"/api/v1/%70rediction/<flow>"),
    "encoded id": Call(ORDINARY, path=b"/api/v1/prediction/%30" + UNKNOWN_FLOW[1:]),
    "absolute form": Call(NOT_HELD, path=b"http://x/api/v1/prediction/<flow>"),
    "fragment": Call(NOT_HELD, path=to("flow") + b"#x"),
    "query": Call(ORDINARY, path=to("flow") + b"?x=1"),
    "empty query": Call(ORDINARY, path=to("flow") + b"?"),
    "100 fields": Call(more=b"".join(b"X-%d: y\r\n" % n for n in range(96))),
    "101 fields": Call(NOT_HELD, more=b"".join(b"X-%d: y\r\n" % n for n in range(97))),
}
BODIES = {
    "empty": b"",
    "not JSON": b"question=Hi",
    "cut off": b'{"question":"Hi"',
    "more behind": HI + b"{}",
    "a list": b"[]",
    "a text": b'"Hi"',
    "not UTF-8": b'{"question":"\xff"}',
    "UTF-16": '{"question":"Hi"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + HI,
    "32 deep": b'{"question":"Hi","x":' + b"[" * 31 + b"]" * 31 + b"}",
    "33 deep": b'{"question":"Hi","x":' + b"[" * 32 + b"]" * 32 + b"}",
    "5,000 deep": b'{"question":"Hi","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "1e400 in vars": body(overrideConfig={"vars": {"a": "1e400"}}).replace(b'"1e400"', b"1e400"),
    "half a character in history": b'{"question":"Hi","history":[{"content":"\\ud83d"}]}',
    "half a character in a name": b'{"question":"Hi","form":{"\\ud83d":1}}',
    "1e400": b'{"question":"Hi","x":1e400}',
    "2**70": b'{"question":"Hi","x":1180591620717411303424}',
    "16 digits": b'{"question":"Hi","x":9007199254740993}',
    "5,000 digits": b'{"question":"Hi","x":' + b"1" * 5000 + b"}",
    "NaN": b'{"question":"Hi","x":NaN}',
    "half a character": b'{"question":"\\ud83d"}',
    "a whole one": b'{"question":"\\ud83d\\ude00"}',
    "NUL": b'{"question":"a\\u0000b"}',
    "question missing": b"{}",
    "question null": b'{"question":null}',
    "question blank": b'{"question":" \\t"}',
    "question a number": b'{"question":7}',
    "question of 5,000 words": body(question="Hi " * 5000),
    "question found behind its 4,096th character": body(question="x " * 2048 + "Hi"),
    "question of 10,000 characters": body(question="x" * 10_000),
    "question in Chinese": body(question="\u4f60\u4eec\u7684\u8425\u4e1a\u65f6\u95f4"),
    "question in cyrillic": body(question="\u041f\u0440\u0438\u0432\u0435\u0442"),
    "another question": body(question="What else?"),
    "chatId": body(chatId="visit"),
    "chatId empty": body(chatId=""),
    "chatId of 255": body(chatId="x" * 255),
    "chatId of 256": body(chatId="x" * 256),
    "chatId a number": body(chatId=7),
    "chatId of Telegram": body(chatId=491701234567),
    "chatId of a group": body(chatId=-1001234567890),
    "chatId of 30 digits": body(chatId=10**29 + 1),
    "chatId a fraction": body(chatId=7.0),
    "chatId a truth": body(chatId=True),
    "chatId odd": body(chatId='"\\\n\u2028<script>'),
    "chatId with NUL": body(chatId="\0"),
    "sessionId": body(overrideConfig={"sessionId": "session"}),
    "sessionId and chatId": body(chatId="a", overrideConfig={"sessionId": "b"}),
    "sessionId a number": body(chatId="a", overrideConfig={"sessionId": 491701234567}),
    "sessionId odd": body(overrideConfig={"sessionId": 7.5}),
    "overrideConfig a text": body(overrideConfig="x"),
    "overrideConfig": body(overrideConfig={"vars": {"a": 1}, "temperature": 2}),
    "streams": body(streaming=True),
    "streams by a text": body(streaming="true"),
    "streams not": body(streaming=False),
    "streams not, by a text": body(streaming="false"),
    "streaming null": body(streaming=None),
    "streaming odd": body(streaming="yes"),
    "streaming a number": body(streaming=1),
    "streaming as Python says it": body(streaming="True"),
    "streaming empty": body(streaming=""),
    "streaming a list": body(streaming=[True]),
    "uploads": body(uploads=[{"type": "file", "name": "a", "data": "b"}]),
    "uploads alone": b'{"question":"","uploads":[{}]}',
    "more fields": body(history=[{"role": "userMessage", "content": "x"}], socketIOClientId="y"),
    "doubled keys": b'{"question":"What?","question":"Hi"}',
}
# What the short way leaves to the ordinary way; of some the answer is good all the same.
LEFT = (
    *("empty", "not JSON", "cut off", "more behind", "a list", "a text", "not UTF-8", "UTF-16"),
    *("33 deep", "5,000 deep", "5,000 digits", "NaN", "1e400", "1e400 in vars"),
    *("half a character", "half a character in history", "half a character in a name"),
    *("NUL", "question missing", "question null", "question blank", "question a number"),
    *("chatId of 256", "chatId a fraction", "chatId a truth", "chatId with NUL", "sessionId odd"),
    *("overrideConfig a text", "streams", "streams by a text"),
)
FRAMES = {
    "one chunk": Call(body=chunked(HI), framing=CHUNKED),
    "two chunks": Call(body=chunked(HI[:5], HI[5:]), framing=CHUNKED),
    "a trailer": Call(body=chunked(HI)[:-2] + b"X-Late: y\r\n\r\n", framing=CHUNKED),
    "chunked, let in nowhere": Call(auth=None, body=chunked(HI), framing=CHUNKED),
    "no body and no length": Call(ORDINARY, body=b"", framing=b""),
    "body in a second packet": Call(NOT_HELD, splits=(0,)),
    "half of the body in a second packet": Call(NOT_HELD, splits=(5,)),
    "head in two packets": Call(splits=(-30,)),
    "body byte by byte": Call(NOT_HELD, splits=tuple(range(len(HI)))),
    "length too short": Call(ORDINARY, framing=b"Content-Length: 5\r\n"),
    "length of nothing": Call(ORDINARY, framing=b"Content-Length: 0\r\n"),
    "length too long, refused": Call(NOT_HELD, auth=None, framing=b"Content-Length: 37\r\n"),
    "length twice": Call(NOT_HELD, framing=b"Content-Length: 17\r\n" * 2),
    "length and chunks": Call(NOT_HELD, framing=CHUNKED + b"Content-Length: 17\r\n"),
    "length oddly written": Call(NOT_HELD, framing=b"Content-Length: +17\r\n"),
    "16 KiB": Call(NOT_HELD, body=body(question="x" * 16_384)),
    "question too long": Call(NOT_HELD, body=body(question="x" * 32_769)),
    "64 KiB": Call(NOT_HELD, body=body(x="y" * (65_536 - 24))),
    "64 KiB and a byte": Call(NOT_HELD, body=body(x="y" * (65_536 - 23))),
    "Flowise": Call(ORDINARY, path=to("flowise_flow")),
    "Flowise, refused": Call(auth=None, path=to("flowise_flow")),
    "unset": Call(ORDINARY, path=to("unset_flow")),
}
TABLE = {
    **{f"key: {name}": call for name, call in KEYS.items()},
    **{f"head: {name}": call for name, call in HEADS.items()},
    **{
        f"body: {name}": Call(ORDINARY if name in LEFT else SHORT, text)
        for name, text in BODIES.items()
    },
    **{f"frame: {name}": call for name, call in FRAMES.items()},
}


def make_cast(pair: Pair, flowise_url: str) -> dict[str, bytes]:
    """Keys and chatflows by name."""
    do, cast = pair.do, {}
    for name in ("flow", "public_flow", "off_flow", "url_flow", "flowise_flow", "unset_flow"):
        cast[name] = do("make_chatflow", team="acme", name=name, entries=[["Hi", "Hello"]])
    flows = list(cast.values())
    theirs, paused = do("make_team", name="Globex"), do("make_team", name="Paused")
    cast["their_flow"] = do("make_chatflow", team=theirs, name="Theirs", entries=[])
    cast["suspended_flow"] = do("make_chatflow", team=paused, name="Paused", entries=[])
    do("make_account", team="acme", name="robot")
    for name in ("good", "disabled", "deleted", "expired", "replaced"):
        cast[name] = do("make_key", team="acme", name=name, opens=flows)
    cast["unselected"] = do("make_key", team="acme", name="unselected", opens=[])
    cast["account"] = do("make_key", team="acme", name="account", opens=flows, account="robot")
    cast["scopeless"] = do("make_key", team="acme", name="scopeless", opens=flows, scopes=[])
    cast["theirs"] = do("make_key", team=theirs, name="theirs", opens=[cast["their_flow"]])
    own = [cast["suspended_flow"]]
    cast["suspended"] = do("make_key", team=paused, name="suspended", opens=own)
    cast["unknown"] = key_text.generate().text
    cast["bound"] = do("make_key", team="acme", name="bound", opens=flows)
    do("change_key", name="bound", origins=["https://a.example"])
    for name, pinned_to in (("publishable", "flow"), ("deselected", "off_flow")):
        cast[name] = do(
            "make_publishable",
            team="acme",
            name=name,
            pinned_to=cast[pinned_to],
            origins=["https://a.example"],
        )
    cast["wrong_secret"] = mistaken(cast["good"])
    cast["wrong_publishable"] = mistaken(cast["publishable"])
    do("disable", name="disabled")
    do("delete", name="deleted")
    do("expire", name="expired")
    do("replace", name="replaced")
    do("disable_account", name="robot")
    do("suspend", team=paused, is_suspended=True)
    do("save_access", chatflow=cast["public_flow"], mode="public", opens_for=["good"])
    do("save_access", chatflow=cast["off_flow"], mode="off", opens_for=["good"])
    do("save_access", chatflow=cast["url_flow"], mode="keys", opens_for=["good"], in_url=True)
    config = {"base_url": flowise_url, "flow_id": FLOW}
    do("set_engine", chatflow=cast["flowise_flow"], engine="flowise", config=config, secret=KEY)
    do("set_engine", chatflow=cast["unset_flow"], engine="flowise", config=config, secret=KEY)
    do("move_engine", chatflow=cast["unset_flow"], config={})
    return {name: text.encode() for name, text in cast.items()}


def mistaken(text: str) -> str:
    """A well-formed text with the id of a key, and another secret."""
    body = text[: -key_text.CHECKSUM_LENGTH]
    body = body[:-1] + ("0" if body[-1] != "0" else "1")
    return body + key_text.checksum(body)
