"""Advice: what a caller can do about a refusal, by its code. It tells no more than the code."""

from chatflows.access import codes

_ADVICE = {
    codes.RATE_LIMITED.name: "A limit is used up. Wait for Retry-After, or ask for more.",
    codes.KEY_NOT_SELECTED.name: "The key is good, but does not open this chatflow.",
    codes.CHATFLOW_OFF.name: "Nobody is let in at the moment. Ask the team.",
    codes.INSUFFICIENT_SCOPE.name: "The key may not do this. Ask the team for a key that may.",
    codes.NETWORK_NOT_ALLOWED.name: "Calls from this address are not allowed.",
    codes.ORIGIN_NOT_ALLOWED.name: "Calls from this web page are not allowed.",
    codes.NOT_FOUND.name: "There is no such chatflow. Check its id.",
    codes.INVALID_TOKEN.name: "The key had ended or was disabled then.",
    codes.INVALID_REQUEST.name: "The call could not be read. Send the key once, in the header.",
    codes.UNAVAILABLE.name: "A part of the server was away. Try again.",
}
_NO_ADVICE = "The call was refused. Ask the team about it, with the time of the call."


def of(code: str) -> str:
    """Return what to do about a refusal with this code."""
    return _ADVICE.get(code, _NO_ADVICE)
