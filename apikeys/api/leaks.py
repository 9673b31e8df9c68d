"""The operation that takes reports of leaked keys, from anyone."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Body, Router, Schema
from pydantic import Discriminator, Field, Tag

from accounts.api.operations import FORM, ApiRequest, ApiSchema, operation
from apikeys.leaks import reports
from apikeys.leaks.candidates import MAX_TEXT, Found

router = Router()
TEXT, MATCHES = f"{FORM}text", f"{FORM}matches"


class Report(ApiSchema):
    """Text in which keys may stand, and where it was found."""

    text: Annotated[str, Field(max_length=MAX_TEXT)]
    source: Annotated[str, Field(max_length=500)] = ""


class Match(Schema):
    """One match, as GitHub's secret scanning sends it. What else it says is left alone."""

    token: Annotated[str, Field(max_length=MAX_TEXT)]
    type: str = ""
    url: str = ""
    source: str = ""


def _form(value: object) -> str:
    return MATCHES if isinstance(value, list | tuple) else TEXT


# With both forms tried, a refusal would name the fields of both.
Reported = Annotated[
    Annotated[Report, Tag(TEXT)] | Annotated[list[Match], Tag(MATCHES)], Discriminator(_form)
]


class Taken(ApiSchema):
    """The answer to every report."""

    detail: str


@operation(
    router,
    "POST",
    "/leak-reports",
    name="reportLeakedKeys",
    summary="Report keys that you found",
    open_because="possession of the text is the proof, and every answer is the same",
    response={202: Taken},
    example={"detail": reports.THANKS},
    takes_body={"text": "found in a log: flk_sk_8fK2aB3cD4m3_…", "source": "https://paste.example"},
)
def report(request: ApiRequest, response: HttpResponse, body: Body[Reported]) -> Taken:
    """Take a text, or GitHub's array of matches. A live secret key in it is disabled at once.

    At most 100 keys of a report count, and 10 reports a minute of one address; the answer is the
    same beyond that. Keys that were taken over from Flowise have no pattern and are not found.
    """
    if isinstance(body, Report):
        found = [Found(body.text, body.source)]
    else:
        found = [Found(match.token, match.url or match.source) for match in body]
    reports.receive(found, request.address, response)
    return Taken(detail=reports.THANKS)
