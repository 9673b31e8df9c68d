"""The text for assistants (llms.txt), made from the document."""

from functools import cache

from config.openapi import document

_HEAD = """\
# Flowlatch

> Access control for AI chatflows. Programs call a chatflow with a secret key; people decide on the
> dashboard which keys open which chatflow.

## Call a chatflow

    curl {url}/api/v1/prediction/<chatflow id> \\
      -H "Authorization: Bearer $FLOWLATCH_KEY" \\
      -H "Content-Type: application/json" \\
      -d '{{"question": "What are your hours?"}}'

The answer is JSON with `text`. With `"streaming": true` it is a stream of server-sent events, in
Flowise's frames. Clients made for OpenAI: base URL {url}/v1, the chatflow's id as the model.
Send the key in the header alone: a key in a URL is refused. Errors are JSON with a stable `code`.
401 `missing_token`: no key was sent. 401 `invalid_token`: the key is unknown, expired, disabled or
revoked. 403 `key_not_selected`: the key is good, but not for this chatflow. 429: wait for the
seconds in `Retry-After`.

## Manage by program

Ask which key this is: GET {url}/api/v1/apikey/self

"""
_FOOT = """
## More

- [OpenAPI 3.1]({url}/api/openapi.json): every operation with its scope, errors and an example
- [API viewer]({url}/api/docs): try the operations in a browser
"""


@cache
def llms(public_url: str) -> str:
    """Return the text, with the address of this installation."""
    lines = []
    for path, methods in document.build()["paths"].items():
        for method, details in methods.items():
            scopes = " or ".join(details.get("x-scopes", ()))
            needs = f" (needs {scopes})" if scopes else ""
            lines.append(f"- {method.upper()} {path}: {details['summary']}{needs}\n")
    return _HEAD.format(url=public_url) + "".join(lines) + _FOOT.format(url=public_url)
