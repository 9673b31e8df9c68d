"""The pages of API keys by address, and what their tests share."""

from uuid import UUID

LIST = "/t/acme/keys/"
NEW = "/t/acme/keys/new/"
NEVER = {"expires": "never"}


def page(key_id: UUID, action: str) -> str:
    return f"/t/acme/keys/{key_id}/{action}/"
