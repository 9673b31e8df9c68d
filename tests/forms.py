"""Forms of pages, sent as a browser sends them: with the version that their page was drawn from."""

import re
from typing import Any

from django.test import Client

VERSION = re.compile(r'<input type="hidden" name="version" value="([^"]+)"')


def version_at(client: Client, url: str) -> str:
    """Return the version in the form that is sent to an address, as its page shows it now."""
    page = client.get(url, follow=True).content.decode()
    forms = re.findall(r"<form\b.*?</form>", page, re.DOTALL)
    there = [form for form in forms if f'action="{url}"' in form]
    own = [form for form in forms if " action=" not in form.split(">", 1)[0]]
    found = [VERSION.search(form) for form in there or own]
    return next((match[1] for match in found if match), "")


def send(client: Client, url: str, data: dict[str, Any] | None = None, **how: Any) -> Any:
    """Send a form with its version, if it has one."""
    version = version_at(client, url)
    fields = {"version": version} if version else {}
    return client.post(url, {**fields, **(data or {})}, **how)
