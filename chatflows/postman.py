"""Postman: a collection (v2.1) that calls one chatflow. Its key is an empty variable. Pure."""

from typing import Any
from uuid import UUID

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(name: str, public_url: str, chatflow_id: UUID, question: str) -> dict[str, Any]:
    """Return the collection: ask for a whole answer, ask for a stream, ping."""
    predict = f"/api/v1/prediction/{chatflow_id}"
    return {
        "info": {
            "name": f"{name} (Flowlatch)",
            "description": "Put a key that is selected for the chatflow into the variable "
            "flowlatch_key, as a current value: Postman keeps that on your machine.",
            "schema": SCHEMA,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{flowlatch_key}}", "type": "string"}],
        },
        "variable": [
            {"key": "host", "value": public_url, "type": "string"},
            {"key": "flowlatch_key", "value": "", "type": "string"},
        ],
        "item": [
            _request("Whole answer", "POST", predict, f'{{"question": "{question}"}}'),
            _request(
                "Word by word",
                "POST",
                predict,
                f'{{"question": "{question}", "streaming": true}}',
            ),
            {**_request("Is it there?", "GET", "/api/v1/ping"), "description": "No key needed."},
        ],
    }


def _request(name: str, method: str, path: str, body: str = "") -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": method,
        "header": [{"key": "Content-Type", "value": "application/json"}] if body else [],
        "url": {
            "raw": "{{host}}" + path,
            "host": ["{{host}}"],
            "path": path.strip("/").split("/"),
        },
    }
    if body:
        options = {"raw": {"language": "json"}}
        request["body"] = {"mode": "raw", "raw": body, "options": options}
    else:
        request["auth"] = {"type": "noauth"}
    return {"name": name, "request": request, "response": []}
