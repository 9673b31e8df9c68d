"""Keys that open very many chatflows: a list stays short and says how many there are."""

import pytest

from accounts.models import Team
from chatflows.models import Chatflow, Selection
from tests import factories
from tests.config.openapi.callers import caller

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


def test_a_list_names_a_hundred_chatflows_of_a_key_and_counts_all(acme: Team) -> None:
    names = [f"flow {number:03}" for number in range(103)]
    flows = Chatflow.objects.bulk_create(
        Chatflow(team=acme, name=name, name_key=name) for name in names
    )
    many, few = (factories.key(acme, name)[0] for name in ("many", "few"))
    Selection.objects.bulk_create(Selection(chatflow=flow, key=many) for flow in reversed(flows))
    Selection.objects.create(chatflow=flows[-1], key=few)
    robot = caller(acme, "apikeys:view")
    listed = {each["name"]: each for each in robot("GET", "/apikey").json()}
    assert [each["flowName"] for each in listed["many"]["chatFlows"]] == names[:100]
    assert listed["many"]["chatflows"] == [str(flow.id) for flow in flows[:100]]
    counts = {name: each["chatflows_count"] for name, each in listed.items()}
    assert counts == {"many": 103, "few": 1, "automation": 0, "DefaultKey": 0}
    one = robot("GET", f"/apikey/{many.id}").json()
    assert (len(one["chatflows"]), one["chatflows_count"]) == (103, 103)
