"""Advice: what a caller can do about a refusal, by its code. It tells no more than the code."""

from chatflows.access import codes

_ADVICE = {
    codes.RATE_LIMITED.name: "A limit is used up. Wait as long as Retry-After says, or ask for more.",
    codes.KEY_NOT_SELECTED.name: "The key is good, but does not open this chatflow. Ask the team.",
    codes.CHATFLOW_OFF.name: "Nobody is let in at the moment. Ask the team when it opens.",
    codes.INSUFFICIENT_SCOPE.name: "The key may not do this. Ask the team for a key that may.",
    codes.NETWORK_NOT_ALLOWED.name: "The call came from an address that is not allowed. Call from another.",
    codes.ORIGIN_NOT_ALLOWED.name: "The call came from a web page that is not allowed. Call from a server.",
    codes.NOT_FOUND.name: "There is no such chatflow. Check its id.",
    codes.INVALID_TOKEN.name: "The key was not good at that moment: it had ended, or it was disabled.",
    codes.INVALID_REQUEST.name: "The call could not be read. Send the key once, in the header.",
    codes.UNAVAILABLE.name: "A part of the server was away. Try again.",
}
_NO_ADVICE = "The call was refused. Ask the team about it, with the time of the call."


def of(code: str) -> str:
    """Return what to do about a refusal with this code."""
    return _ADVICE.get(code, _NO_ADVICE)
