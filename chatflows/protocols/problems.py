"""Problems (RFC 9457): the members that every JSON error of ours has. Pure."""

from typing import Any

from chatflows.access.codes import Code


def members(code: Code, detail: str = "") -> dict[str, Any]:
    """Return the members of a problem but for the request's id.

    `detail` replaces the code's sentence unless it is empty.
    """
    return {
        "type": f"urn:flowlatch:error:{code.name}",
        "title": code.title,
        "status": code.status,
        "detail": detail or code.sentence,
        "code": code.name,
    }
