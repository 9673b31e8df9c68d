"""manage.py import_flowise: chatflows keep their ids, keys their texts, and nothing opens by it."""

import hashlib
import json
from pathlib import Path
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Team
from apikeys import credentials
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import State
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys as key_service
from apikeys.services import stored_secrets
from chatflows.models import AccessMode, Chatflow
from chatflows.services import chatflows, engines
from tests import factories
from tests.chatflows.flowise_imports import shapes
from tests.chatflows.flowise_imports.running import UPSTREAM, run
from tests.chatflows.flowise_imports.shapes import DOCS, OPEN, SHOP, flow_row, key_row

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

CRM, WIDGET = shapes.text(), shapes.text()
CRM_ROW, WIDGET_ROW = key_row("k1", "crm-sync", CRM), key_row("k2", "website-widget", WIDGET)


def state_of(text: str) -> State:
    proof = credentials.read(Presented(Carrier.HEADER, text))
    assert proof is not None
    found = stored_secrets.find(proof.public_id)
    stored = found[1] if found else None
    return credentials.judge(Carrier.HEADER, proof, stored, timezone.now()).state


def opened_by(flow_id: UUID) -> list[str]:
    flow = Chatflow.objects.get(pk=flow_id)
    return sorted(flow.keys.values_list("name", flat=True))


@pytest.mark.parametrize("release", shapes.RELEASES)
def test_each_release_comes_over_with_its_ids_and_its_keys(
    acme: Team, tmp_path: Path, release: str
) -> None:
    flows = [
        flow_row(SHOP, "Shop", "k2", type="MULTIAGENT"),
        flow_row(DOCS, "Docs", "k1", type="CHATFLOW"),
    ]
    has_table = "apikey" in shapes.RELEASES[release]
    rows = [CRM_ROW, WIDGET_ROW]
    shapes.database(tmp_path / "database.sqlite", flows, rows if has_table else None, release)
    if not has_table:  # they lie in a file beside it
        (tmp_path / "api.json").write_text(json.dumps(rows))
    said = run(tmp_path)
    assert "Keys: 2 came along." in said
    assert "Chatflows: 2 came along." in said
    assert (opened_by(SHOP), opened_by(DOCS)) == (["website-widget"], ["crm-sync"])
    assert Chatflow.objects.get(pk=SHOP).type == "MULTIAGENT"
    assert state_of(CRM) is state_of(WIDGET) is State.GOOD


def test_the_engine_asks_that_flowise_with_the_key_of_the_flow(acme: Team, tmp_path: Path) -> None:
    run(shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "k1")], [CRM_ROW]))
    flow = Chatflow.objects.get(pk=SHOP)
    assert flow.engine == "flowise"
    assert flow.engine_config == {"base_url": UPSTREAM, "flow_id": str(SHOP)}
    assert engines._stored_secret(flow, UPSTREAM) == CRM


def test_no_text_of_a_key_is_stored_or_said(acme: Team, tmp_path: Path) -> None:
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(OPEN, "Open")], [CRM_ROW])
    said = run(source, "--json")
    assert CRM not in said + factories.dump()
    assert hashlib.sha256(CRM.encode()).hexdigest() not in factories.dump()
    events = AuditEvent.objects.filter(action="api_key.adopt", team_id=acme.id)
    assert [event.target_name for event in events] == ["crm-sync"]


def test_a_stored_digest_or_public_id_opens_nothing(acme: Team, tmp_path: Path) -> None:
    run(shapes.database(tmp_path / "a.sqlite", [], [CRM_ROW]), upstream="")
    secret = KeySecret.objects.get(key__name="crm-sync")
    for sent in (secret.public_id, secret.digest, CRM_ROW["apiSecret"], CRM_ROW["id"]):
        assert credentials.read(Presented(Carrier.HEADER, sent)) is None
    other = ("A" if CRM[0] != "A" else "B") + CRM[1:]
    assert state_of(other) is State.UNKNOWN


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize(
    ("asked", "mode"),
    [
        ((), AccessMode.OFF),
        (("--open", "off"), AccessMode.OFF),
        (("--open", "keys"), AccessMode.KEYS),
        (("--open", "public"), AccessMode.PUBLIC),
    ],
)
@pytest.mark.usefixtures("acme")
def test_an_open_flow_is_off_unless_somebody_says_otherwise(
    tmp_path: Path, asked: tuple[str, ...], mode: AccessMode, nothing: str | None
) -> None:
    run(shapes.database(tmp_path / "a.sqlite", [flow_row(OPEN, "Open", nothing)]), *asked)
    assert Chatflow.objects.get(pk=OPEN).access_mode == mode
    assert opened_by(OPEN) == (["DefaultKey"] if mode is AccessMode.KEYS else [])


@pytest.mark.parametrize("asked", ["off", "keys", "public"])
def test_a_flow_whose_key_is_gone_is_closed_whatever_is_asked(
    acme: Team, tmp_path: Path, asked: str
) -> None:
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "deleted")], [CRM_ROW])
    assert "its key was deleted in Flowise" in run(source, "--open", asked)
    assert Chatflow.objects.get(pk=SHOP).access_mode == AccessMode.KEYS
    assert opened_by(SHOP) == []


def test_a_key_edited_by_hand_is_left_out_and_its_flow_is_closed(
    acme: Team, tmp_path: Path
) -> None:
    rows = [
        key_row("k1", "edited", CRM, shapes.api_secret(WIDGET)),
        key_row("k2", "short", "abc"),
        key_row("k3", "ours", "flk_sk_" + "a" * 36),
        key_row("k4", "no secret", WIDGET, ""),
    ]
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "k1")], rows)
    said = run(source)
    assert "Keys: 4 are left out." in said
    assert "its text and its secret do not belong together" in said
    assert ApiKey.objects.of(acme).count() == 1  # DefaultKey
    assert opened_by(SHOP) == []


def test_default_key_takes_the_text_of_theirs_while_it_has_none(acme: Team, tmp_path: Path) -> None:
    rows = [key_row("k1", "DefaultKey", CRM)]
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "k1")], rows)
    run(source)
    assert opened_by(SHOP) == ["DefaultKey"]
    assert state_of(CRM) is State.GOOD


def test_theirs_gets_a_name_of_its_own_once_default_key_has_a_text(
    acme: Team, tmp_path: Path
) -> None:
    default = ApiKey.objects.get(team=acme, name="DefaultKey")
    ours = key_service.issue(default, factories.TESTER)
    run(shapes.database(tmp_path / "a.sqlite", [], [key_row("k1", "DefaultKey", CRM)]), upstream="")
    assert ApiKey.objects.of(acme).filter(name="DefaultKey (Flowise)").exists()
    assert state_of(CRM) is state_of(ours) is State.GOOD


def test_names_that_are_taken_or_long_get_a_rule_that_is_shown(acme: Team, tmp_path: Path) -> None:
    factories.chatflow(acme, "Shop")
    flows = [
        flow_row(SHOP, "Shop"),
        flow_row(DOCS, "shop"),
        flow_row(OPEN, "x" * 100),
        flow_row(UUID(int=7, version=4), "see https://acme.example/x"),
        flow_row(UUID(int=8, version=4), "\u202e\n "),
    ]
    said = run(shapes.database(tmp_path / "a.sqlite", flows))
    names = dict(Chatflow.objects.of(acme).values_list("pk", "name"))
    assert (names[SHOP], names[DOCS]) == ("Shop (2)", "shop (3)")
    assert names[OPEN] == "x" * 79 + "…"
    assert names[UUID(int=7, version=4)] == "Flow 00000000"
    assert names[UUID(int=8, version=4)] == "Flow 00000000 (2)"
    for name in ("Shop (2)", "shop (3)", "x" * 79 + "…"):
        assert f"it is named “{name}” here" in said


def test_twice_changes_nothing_and_a_later_run_brings_what_is_new(
    acme: Team, tmp_path: Path
) -> None:
    flows = [flow_row(SHOP, "Shop", "k1")]
    run(shapes.database(tmp_path / "a.sqlite", flows, [CRM_ROW]))
    before = factories.dump()
    assert "1 is here already" in run(tmp_path / "a.sqlite")
    assert factories.dump() == before
    flows.append(flow_row(DOCS, "Docs", "k1"))
    run(shapes.database(tmp_path / "b.sqlite", flows, [CRM_ROW, WIDGET_ROW]))
    assert opened_by(DOCS) == ["crm-sync"]
    assert ApiKey.objects.of(acme).count() == 3


def test_what_another_team_has_and_what_was_deleted_here_is_taken(
    acme: Team, tmp_path: Path
) -> None:
    flows = [flow_row(SHOP, "Shop", "k1"), flow_row(DOCS, "Docs", "k2")]
    source = shapes.database(tmp_path / "a.sqlite", flows, [CRM_ROW, WIDGET_ROW])
    globex = factories.team("Globex")
    run(source, team="globex")
    chatflows.delete(Chatflow.objects.get(pk=DOCS), factories.TESTER)
    key_service.delete(ApiKey.objects.of(globex).get(name="website-widget"), factories.TESTER)
    before = factories.state()
    said = run(source)
    assert "Keys: 2 are taken here." in said
    assert "Chatflows: 2 are taken here." in said
    assert factories.state() == before
    assert run(source, "--json").count('"fate": "taken"') == 4


def test_origins_and_limits_come_along(acme: Team, tmp_path: Path) -> None:
    shop = json.dumps({"allowedOrigins": ["https://Shop.example/", "https://b.example:8443"]})
    flows = [
        flow_row(SHOP, "Shop", chatbotConfig=shop, apiConfig=shapes.limited("30", "60")),
        flow_row(DOCS, "Docs", chatbotConfig='{"allowedOrigins": [""]}'),
        flow_row(OPEN, "Open", apiConfig=shapes.limited(20, 300, status=False)),
    ]
    run(shapes.database(tmp_path / "a.sqlite", flows), "--open", "public")
    shop_row = Chatflow.objects.get(pk=SHOP)
    assert shop_row.origins == [shapes.SHOP_PAGE, "https://b.example:8443"]
    assert shop_row.limit_address == 30
    assert Chatflow.objects.get(pk=DOCS).origins == []
    assert Chatflow.objects.get(pk=OPEN).limit_address is None


def test_a_limit_of_another_span_is_rounded_down_and_said(acme: Team, tmp_path: Path) -> None:
    flows = [flow_row(SHOP, "Shop", "k1", apiConfig=shapes.limited(20, 300))]
    said = run(shapes.database(tmp_path / "a.sqlite", flows, [CRM_ROW]))
    assert "20 calls of one address in 300 seconds became 4 a minute" not in said  # it is exact
    flows = [flow_row(DOCS, "Docs", "k1", apiConfig=shapes.limited(3, 7))]
    said = run(shapes.database(tmp_path / "b.sqlite", flows, [CRM_ROW]))
    assert "3 calls of one address in 7 seconds became 25 a minute" in said
    assert Chatflow.objects.get(pk=SHOP).limit_address == 4


@pytest.mark.parametrize(
    "config", ['{"allowedOrigins": ["*", "shop"]}', "{broken", "[]", '"text"', "[" * 5000]
)
def test_pages_that_can_not_be_read_never_open_a_flow_to_all(
    acme: Team, tmp_path: Path, config: str
) -> None:
    flows = [flow_row(SHOP, "Shop", "k1", chatbotConfig=config)]
    said = run(shapes.database(tmp_path / "a.sqlite", flows, [CRM_ROW]), "--open", "public")
    assert "it is off" in said
    assert Chatflow.objects.get(pk=SHOP).access_mode == AccessMode.OFF


def test_a_dry_run_changes_nothing_and_says_the_same(acme: Team, tmp_path: Path) -> None:
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "k1")], [CRM_ROW])
    before, bytes_before = factories.dump(), source.read_bytes()
    dry = json.loads(run(source, "--dry-run", "--json"))
    assert factories.dump() == before
    done = json.loads(run(source, "--json"))
    assert (dry.pop("done"), done.pop("done")) == (False, True)
    assert dry == done
    assert source.read_bytes() == bytes_before


def test_one_text_in_two_workspaces_is_one_key(acme: Team, tmp_path: Path) -> None:
    rows = [CRM_ROW, {**CRM_ROW, "id": "k9"}]
    flows = [flow_row(SHOP, "Shop", "k1"), flow_row(DOCS, "Docs", "k9")]
    run(shapes.database(tmp_path / "a.sqlite", flows, rows))
    assert opened_by(SHOP) == opened_by(DOCS) == ["crm-sync"]


def test_an_export_brings_flows_and_says_that_its_keys_are_not_there(
    acme: Team, tmp_path: Path
) -> None:
    export = tmp_path / "ExportData.json"
    parts = {
        "ChatFlow": [flow_row(SHOP, "Shop", "k1")],
        "AgentFlowV2": [flow_row(DOCS, "Docs")],
        "Tool": [{"id": "x"}],
    }
    export.write_text(json.dumps(parts))
    assert "its key is not among those found" in run(export)
    assert Chatflow.objects.get(pk=DOCS).type == "AGENTFLOW"
    (tmp_path / "api.json").write_text(json.dumps([CRM_ROW]))
    assert "Keys: 1 came along." in run(tmp_path)
