"""The kinds of mail: label, how long to try, sample values, and advice after a failure. Pure.

A kind's templates are `templates/accounts/mails/<kind>.subject.txt`, `.txt` and `.html`. Its sample
has every value that the templates use, and no other: `outbox.queue` takes exactly those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

GIVE_UP_AFTER = timedelta(hours=24)
_LINK = "http://127.0.0.1:8000/sample-link/"
_KEY = {"name": "crm-sync", "hint": "flk_sk_8fK2…m3Rw", "link": _LINK}


@dataclass(frozen=True, slots=True)
class MailKind:
    """One kind of mail. `advice` tells an admin what to do when the mail could not be sent."""

    label: str
    sample: Mapping[str, object]
    advice: str
    give_up_after: timedelta = GIVE_UP_AFTER


_LIMIT: Mapping[str, object] = {
    "team_name": "Acme",
    "subject": "key",
    "name": "crm-sync",
    "limit": "budget",
    "used": "41.20",
    "of": "50.00",
    "percent": 82,
    "until": date(2026, 12, 1),
    "link": _LINK,
}

KINDS: Mapping[str, MailKind] = {
    "invitation": MailKind(
        "Invitation",
        {
            "team_name": "Acme",
            "inviter": "alice",
            "role": "editor",
            "link": _LINK,
            "expires_at": datetime(2026, 12, 1, 9, 30, tzinfo=UTC),
        },
        "Resend the invitation from the Members page, or hand over the link that it shows then.",
    ),
    "password_reset": MailKind(
        "Password reset",
        {"username": "alice", "link": _LINK},
        "The person can ask for a new link on the login page.",
        give_up_after=timedelta(hours=1),  # the link opens no longer
    ),
    "password_changed": MailKind(
        "Password changed",
        {"username": "alice", "at": datetime(2026, 11, 24, 9, 30, tzinfo=UTC)},
        "It was for information alone: the password is changed.",
    ),
    "email_change": MailKind(
        "New e-mail address",
        {"username": "alice", "link": _LINK},
        "The person can send a new link from the profile.",
        give_up_after=timedelta(hours=1),  # the link opens no longer
    ),
    "email_changed": MailKind(
        "E-mail address changed",
        {"username": "alice", "at": datetime(2026, 11, 24, 9, 30, tzinfo=UTC)},
        "It was for information alone: the address is changed.",
    ),
    "key_contact": MailKind(
        "Contact of a key",
        {
            "team_name": "Acme",
            "key_name": "crm-sync",
            "asker": "alice",
            "link": _LINK,
            "expires_at": datetime(2026, 12, 1, 9, 30, tzinfo=UTC),
        },
        "Send the link again from the key's page, or choose a member as its contact.",
    ),
    "near_limit": MailKind(
        "Limit nearly used",
        _LIMIT,
        "Look at the key's or the chatflow's page: it shows how much is used.",
    ),
    "at_limit": MailKind(
        "Limit used up",
        {**_LIMIT, "used": "50.00", "percent": 100},
        "Calls are refused until the month ends, or until the limit is raised on its page.",
    ),
    "key_in_browser": MailKind(
        "Secret key in a web page",
        {
            "team_name": "Acme",
            "key_name": "crm-sync",
            "hint": "flk_sk_8fK2…m3Rw",
            # A caller's own text, spelled so that no mail program makes a link of it.
            "origins": ["https:\u200b/\u200b/\u200bshop.\u200bexample.\u200bcom"],
            "more": 2,
            "link": _LINK,
        },
        "The page of the key names the web pages. Put a publishable key there and rotate this one.",
    ),
    "key_leaked": MailKind(
        "Leaked key",
        {
            "team_name": "Acme",
            "key_name": "crm-sync",
            "hint": "flk_sk_8fK2…m3Rw",
            "source": "https:\u200b/\u200b/\u200bpaste.\u200bexample",
            "network": "203.0.113.0/24",
            "link": _LINK,
        },
        "The key is disabled. Create a new text on its page, then enable it.",
    ),
    "key_expiry": MailKind(
        "Keys that end soon",
        {
            "team_name": "Acme",
            "keys": [{**_KEY, "expires_at": datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)}],
            "count": 3,
            "more": 2,
            "link": _LINK,
        },
        "Open the list of keys: it shows what ends soon. Extend or rotate those that are needed.",
    ),
    "key_rotation": MailKind(
        "Reminder to rotate keys",
        {
            "team_name": "Acme",
            "keys": [{**_KEY, "made_at": datetime(2026, 8, 26, 9, 30, tzinfo=UTC)}],
            "count": 1,
            "more": 0,
            "link": _LINK,
        },
        "Nothing stops by itself. The page of each key says how old its secret is.",
    ),
    "key_holder_rotation": MailKind(
        "Key rotated by its holder",
        {
            "team_name": "Acme",
            "key_name": "crm-sync",
            "address": "203.0.113.7",
            "link": _LINK,
            "expires_at": datetime(2026, 12, 1, 9, 30, tzinfo=UTC),
        },
        "Look at the key's page: retire or revoke a secret there, if nobody should have made it.",
        give_up_after=timedelta(hours=24),  # the link opens no longer
    ),
    "test": MailKind(
        "Test mail",
        {"username": "alice"},
        "Mails don't arrive as things stand: correct EMAIL_URL or MAIL_FROM, then restart.",
        give_up_after=timedelta(hours=1),
    ),
}
