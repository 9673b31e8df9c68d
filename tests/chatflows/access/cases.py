"""Credentials, chatflows and requests for the tests of the access rule."""

import ipaddress
from dataclasses import replace
from uuid import UUID

from accounts.network.addresses import Network
from accounts.network.addresses import parse as parse_address
from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import Credential, State
from chatflows.access.decisions import ChatflowAccess, Mode, RequestFacts

TEAM, OTHER_TEAM = UUID(int=1), UUID(int=2)
FLOW, OTHER_FLOW = UUID(int=11), UUID(int=12)
HOME, AWAY = "https://acme.example", "https://evil.example"
V4, V6 = ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")
CONFLICT = Credential(Carrier.CONFLICT, State.MALFORMED)

HERE = RequestFacts(address=parse_address("192.0.2.9"))
GOOD = Credential(
    Carrier.HEADER,
    State.GOOD,
    team_id=TEAM,
    key_id=UUID(int=21),
    key_name="crm-sync",
    public_id="AAAABBBBCCCC",
    scopes=frozenset({Permission.PREDICTIONS_CREATE}),
)
IN_URL = GOOD._replace(carrier=Carrier.URL)
PUBLISHABLE = GOOD._replace(pinned_chatflow_id=FLOW, origins=(HOME,))
KEYS = ChatflowAccess(FLOW, TEAM, Mode.KEYS, is_key_selected=True)
URL_FINE = replace(KEYS, allow_key_in_url=True)
PUBLIC = replace(KEYS, mode=Mode.PUBLIC, is_key_selected=False)
OFF = replace(KEYS, mode=Mode.OFF)


def origins(*sent: str) -> RequestFacts:
    return HERE._replace(origins=sent)


def at(address: str) -> RequestFacts:
    return RequestFacts(address=parse_address(address))


def bound(*networks: Network) -> Credential:
    return GOOD._replace(networks=networks)
