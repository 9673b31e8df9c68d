"""The gate's constant answers: they read no database and depend on no request."""

from django.conf import settings

from chatflows.gate import responses
from chatflows.gate.responses import ANY_ORIGIN, Answer
from chatflows.gate.routes import Endpoint

PREFLIGHT = Answer(204, [*responses.PREFLIGHT, (b"cache-control", b"no-store")], b"")
# The least that the widget works with (flowise-wire, section 3).
CHATBOT_CONFIG = {
    "starterPrompts": {},
    "chatFeedback": {"status": False},
    "leads": {"status": False},
    "uploads": {
        "isSpeechToTextEnabled": False,
        "isImageUploadAllowed": False,
        "isRAGFileUploadAllowed": False,
        "imgUploadSizeAndTypes": [],
        "fileUploadSizeAndTypes": [],
    },
    "isTTSEnabled": False,
}
ANSWERS = {
    Endpoint.STREAMING_PROBE: responses.json_answer({"isStreaming": True}, [ANY_ORIGIN]),
    Endpoint.PING: responses.plain(200, responses.PLAIN, b"pong", [ANY_ORIGIN]),
    Endpoint.VERSION: responses.json_answer({"version": settings.FLOWISE_VERSION}, [ANY_ORIGIN]),
    Endpoint.LIVEZ: responses.plain(200, responses.PLAIN, b"ok\n"),
}
