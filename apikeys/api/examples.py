"""Examples for the document: what operations on keys take and give."""

from typing import Any

ID = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
CHATFLOW_ID = "0198c2f4-5a6b-4c7d-9e8f-123456abcdef"
KEY: dict[str, Any] = {
    "id": ID,
    "name": "crm-sync",
    "keyName": "crm-sync",
    "kind": "secret",
    "status": "active",
    "disabled": False,
    "scopes": ["predictions:create"],
    "permissions": ["predictions:create"],
    "environment": "production",
    "service_account": None,
    "chatflows": [CHATFLOW_ID],
    "chatFlows": [{"id": CHATFLOW_ID, "flowName": "Returns helper"}],
    "contact": "adam",
    "note": "Asked by the shop's backend",
    "limits": {
        "requests_per_minute": 60,
        "streams": None,
        "calls_per_day": 1000,
        "calls_per_month": None,
        "tokens_per_month": None,
        "budget": "20.00",
    },
    "networks": ["203.0.113.0/24"],
    "origins": [],
    "secrets": [
        {
            "public_id": "8fK2aB3cD4m3",
            "created_at": "2026-11-27T10:00:00Z",
            "ends_at": None,
            "ends_when_silent": False,
        }
    ],
    "created_at": "2026-11-27T10:00:00Z",
    "created_by": "adam",
    "last_used_at": None,
    "expires_at": "2027-11-27T10:00:00Z",
    "rotate_every": None,
    "version": 1,
    "api_key": None,
    "apiKey": None,
    "hand_over_url": None,
    "ignored_permissions": None,
}
TEXT = "flk_sk_8fK2aB3cD4m3_…"
CREATED = {**KEY, "api_key": TEXT, "apiKey": TEXT}
NEW = {
    "name": "crm-sync",
    "scopes": ["predictions:create"],
    "chatflows": [CHATFLOW_ID],
    "limits": {"calls_per_day": 1000, "budget": "20.00"},
    "networks": ["203.0.113.0/24"],
    "expires_at": "2027-11-27T10:00:00Z",
}
