"""Calls of web pages with publishable keys, and of programs that hold one."""

from tests.server.gate.calls import ORIGIN, UNKNOWN_FLOW, Call, body, to

PUBLISHABLE = Call(auth=b"Bearer <publishable>", more=ORIGIN)
BROWSER_CALLS = {
    "publishable": PUBLISHABLE,
    "publishable without an origin": PUBLISHABLE._replace(more=b""),
    "publishable, another origin": PUBLISHABLE._replace(more=b"Origin: https://b.example\r\n"),
    "publishable, origin twice": PUBLISHABLE._replace(more=ORIGIN * 2),
    "publishable, origin null": PUBLISHABLE._replace(more=b"Origin: null\r\n"),
    "publishable, origin empty": PUBLISHABLE._replace(more=b"Origin: \r\n"),
    "publishable, origin in upper case": PUBLISHABLE._replace(
        more=b"Origin: https://A.example\r\n"
    ),
    "publishable, origin with its port": PUBLISHABLE._replace(
        more=b"Origin: https://a.example:443\r\n"
    ),
    "publishable, origin with another port": PUBLISHABLE._replace(
        more=b"Origin: https://a.example:8443\r\n"
    ),
    "publishable, origin of another scheme": PUBLISHABLE._replace(
        more=b"Origin: http://a.example\r\n"
    ),
    "publishable, origin with a path": PUBLISHABLE._replace(more=b"Origin: https://a.example/\r\n"),
    "publishable, two origins in one": PUBLISHABLE._replace(
        more=b"Origin: https://a.example, https://a.example\r\n"
    ),
    "publishable, to another chatflow": PUBLISHABLE._replace(path=to("flowise_flow")),
    "publishable, to a public one": PUBLISHABLE._replace(path=to("public_flow")),
    "publishable, to another team's": PUBLISHABLE._replace(path=to("their_flow")),
    "publishable, to nobody's id": PUBLISHABLE._replace(path=b"/api/v1/prediction/" + UNKNOWN_FLOW),
    "publishable, deselected": PUBLISHABLE._replace(
        auth=b"Bearer <deselected>", path=to("off_flow")
    ),
    "publishable with a session": PUBLISHABLE._replace(
        body=body(overrideConfig={"sessionId": "session", "vars": {"a": 1}})
    ),
    "publishable with an odd override": PUBLISHABLE._replace(body=body(overrideConfig="x")),
    "publishable, wrong secret": PUBLISHABLE._replace(auth=b"Bearer <wrong_publishable>"),
    "secret with origins": Call(auth=b"Bearer <bound>", more=ORIGIN),
    "secret with origins, from a server": Call(auth=b"Bearer <bound>"),
    "secret with origins, another one": Call(
        auth=b"Bearer <bound>", more=b"Origin: https://b.example\r\n"
    ),
}
