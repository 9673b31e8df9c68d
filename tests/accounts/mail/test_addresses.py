"""Lists of addresses as people paste them: each is found, or named as one that can't be read."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.forms.members import InvitationForm
from accounts.mail import addresses
from accounts.models import Invitation, Role
from tests.endings import that_ends

BOTH = ["ann@example.com", "bob@example.com"]


def read(text: str) -> list[str]:
    return [addresses.one(piece) for piece in addresses.pasted(text)]


@pytest.mark.fast
@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com, bob@example.com",
        "ann@example.com; bob@example.com",
        "ann@example.com;bob@example.com;",
        "ann@example.com,\r\nbob@example.com,\r\n",
        "ann@example.com bob@example.com",
        "ann@example.com\tbob@example.com",
        "Ann Example <ann@example.com>\nBob <bob@example.com>",
        '"Example, Ann" <ann@example.com>; "Bob; B." <bob@example.com>',
        "Ann Example <ann@example.com>, bob@example.com.",
        "Ann\tann@example.com\r\nBob O'Neil\tbob@example.com",
        "<ann@example.com>, <bob@example.com>",
        "(ann@example.com) [bob@example.com]",
        "'ann@example.com', \"bob@example.com\"",
        "\u201cann@example.com\u201d, \u2018bob@example.com\u2019",
        "mailto:ann@example.com, MAILTO:bob@example.com?subject=Hi",
        "ann@example.com <mailto:ann@example.com>; bob@example.com",
        "* ann@example.com\n* bob@example.com",
        "\u2022 ann@example.com\n\u2022 bob@example.com",
        "ann@example.com\uff0cbob@example.com",
        "\ufeffann@example.com\u200b,\xa0bob@example.com",
        "ann@example.com | bob@EXAMPLE.com",
        '"Ann <ann@example.com>, bob@example.com',
        "Example, Ann <ann@example.com>; Bobson, Jr., Bob <bob@example.com>",
        "Example, Ann <ann@example.com>, Bobson, Bob <bob@example.com>;",
        "Example, Ann <ann@example.com>\nBobson, Bob <bob@example.com>",
        "ann@example.com, Bobson, Bob <bob@example.com>",
        "1) ann@example.com\n2) bob@example.com",
        "1. ann@example.com\n(2) bob@example.com",
        "To: ann@example.com; Bob <bob@example.com>",
        "To: Ann <ann@example.com>, bob@example.com",
        'Name,Email\nAnn,ann@example.com\n\n"Bobson, Bob",bob@example.com',
        "E-mail address;First name;Last name\r\nann@example.com;Ann;Example\r\nbob@example.com;;",
        "Email\nann@example.com\nbob@example.com",
        "ann@example.com and bob@example.com",
        "ann@example.com, and bob@example.com",
        "ann@example.com und bob@example.com",
        "'ann@example.com, bob@example.com'",
        "**ann@example.com**, `bob@example.com`",
        "mailto:ann@example.com?subject=Hi&body=cc, bob@example.com",
        "Jos\u00e9 \u00c5s <ann@example.com>; \u6797 <bob@example.com>",
    ],
)
def test_a_pasted_list_is_read(text: str) -> None:
    assert read(text) == BOTH


@pytest.mark.fast
@pytest.mark.parametrize(
    "text",
    [
        "Ann",
        "Ann Example",
        "ann@example",
        "ann@@example.com",
        "Ann <ann@example.com",
        "Ann <ann@example.com> <bob@example.com>",
        "Ann <ann@example.com> and more",
        "bob@example.com <ann@example.com>",
        "Bcc: ann@example.com",
        "Friends: ann@example.com",
        "ann@example.com Ann",
        "mailto:ann@example.com?subject=Hi&cc=bob@example.com",
        "mailto:ann@example.com?BCC=bob@example.com",
        "mailto:ann@example.com?%63c=bob@example.com",
        "mailto:?to=ann@example.com",
        "Ann <mailto:ann@example.com?cc=bob@example.com>",
        "Carl; Ann <ann@example.com>",
        "Carl, Dora, Ann <ann@example.com>",
        "Ann <ann@example.com>, Carl",
        "Name,Email\nAnn,ann@example.com,bob@example.com",
        "Name,Email\nAnn,",
        "Name,Email",
        "Name,Email\n" + "x" * 200_000,
        "Name,Email,Email\nAnn,ann@example.com,bob@example.com",
        "Cc: ann@example.com",
        "ann@example.com with bob@example.com",
        "'ann@example.com",
        "ann@example.com'x",
        "a\u200bnn@example.com",
        "ann@ex\u0430mple.com",
        "ann@example.com\0",
        "ann@example.com%0aBcc:x@example.com",
        "ann!x@example.com",
        "ann(x)@example.com",
        '"a b"@example.com',
        "x" * 300 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused_and_not_left_out(text: str) -> None:
    assert addresses.pasted(text)
    with pytest.raises(ValidationError):
        read(text)


@pytest.mark.fast
@pytest.mark.parametrize(
    "address",
    ["'pat'@example.com", "`pat`@example.com", "*pat*@example.com", "*pat@example.com",
     "`pat@example.com", "o'neil@example.com", "pat'@example.com"],
)  # fmt: skip
def test_a_quote_that_belongs_to_an_address_stays(address: str) -> None:
    for text in (address, f"<{address}>", f"Pat <{address}>", f"{address}, {address}"):
        assert set(read(text)) == {address}
    assert read(f"'{address}'") == [address]


@pytest.mark.fast
@pytest.mark.parametrize(
    "sign",
    [",", "<", '"', "a ", "a@b ", "?", "<a ", "'", "mailto:", "a,", "a;", "*", "Name,Email\n"],
)
def test_a_hostile_list_takes_little_time(sign: str) -> None:
    with that_ends():
        addresses.pasted(sign * (100_000 // len(sign)))


def test_a_list_invites_each_person_once(as_alice: Client) -> None:
    text = "Ann Example <ann@example.com>, ANN@example.com; mailto:bob@example.com"
    answer = as_alice.post("/t/acme/members/invitations/", {"addresses": text, "role": "viewer"})
    assert "2 people are invited" in answer.content.decode()
    assert sorted(Invitation.objects.values_list("email", flat=True)) == BOTH


def test_nobody_is_invited_if_one_is_wrong_and_the_text_is_kept(as_alice: Client) -> None:
    text = "ann@example.com; bob at example.com, Bcc: eve@example.com"
    answer = as_alice.post("/t/acme/members/invitations/", {"addresses": text, "role": "viewer"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "bob at example.com: This is not one address." in page
    assert "Bcc: eve@example.com: This is not one address." in page
    assert f">\n{text}</textarea>" in page
    assert not Invitation.objects.exists()


@pytest.mark.fast
def test_at_most_twenty_people_are_invited_at_once() -> None:
    many = ", ".join(f"p{n}@example.com" for n in range(20))
    assert InvitationForm({"addresses": many, "role": "viewer"}, role=Role.OWNER).is_valid()
    assert InvitationForm(
        {"addresses": f"{many}, p1@example.com", "role": "viewer"}, role=Role.OWNER
    ).is_valid()
    form = InvitationForm({"addresses": f"{many};x@example.com", "role": "viewer"}, role=Role.OWNER)
    assert form.errors["addresses"] == ["Invite at most 20 people at once."]
