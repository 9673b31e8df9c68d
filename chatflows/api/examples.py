"""Examples for the document: what operations on chatflows give."""

from typing import Any

ID = "0198c2f4-5a6b-4c7d-9e8f-123456abcdef"
KEY_ID = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
CHATFLOW: dict[str, Any] = {
    "id": ID,
    "name": "Returns helper",
    "type": "CHATFLOW",
    "mode": "keys",
    "isPublic": False,
    "url": f"https://flowlatch.example/api/v1/prediction/{ID}",
    "engine": "faq",
    "settings": {},
    "has_secret": False,
    "usable_keys": 1,
    "created_at": "2026-11-27T10:00:00Z",
    "version": 1,
}
ACCESS: dict[str, Any] = {
    "mode": "keys",
    "keys": [KEY_ID],
    "allow_key_in_url": False,
    "networks": [],
    "origins": ["https://shop.example.com"],
    "limits": {
        "requests_per_minute": 600,
        "streams": None,
        "calls_per_day": None,
        "calls_per_month": None,
        "tokens_per_month": None,
        "budget": "100.00",
    },
    "requests_per_minute_per_address": 20,
    "price": "1.80",
    "version": 2,
}
