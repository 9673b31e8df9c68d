"""The OpenAPI document: committed as it is made, and true to the operations."""

import pytest
from django.test import Client

from accounts.api.operations import Policy
from accounts.permissions import SCOPES
from config.openapi import checks, document
from config.openapi.api import operations

pytestmark = pytest.mark.fast


def test_the_committed_document_is_the_present_one() -> None:
    assert document.FILE.read_text("utf-8") == document.text(), "Write it anew: make openapi"


@pytest.mark.django_db
def test_the_document_is_served_to_everyone() -> None:
    answer = Client().get("/api/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == document.build()


def test_scopes_are_one_enum() -> None:
    schemas = document.build()["components"]["schemas"]
    assert schemas["Scope"]["enum"] == sorted(scope.value for scope in SCOPES)
    assert "Permission" not in schemas


def test_an_operation_without_a_policy_stops_the_start() -> None:
    assert checks.every_operation_has_a_policy() == []
    _, _, operation = next(operations())
    declared = operation.openapi_extra
    operation.openapi_extra = {}
    try:
        assert [error.id for error in checks.every_operation_has_a_policy()] == ["config.E001"]
    finally:
        operation.openapi_extra = declared


def test_every_operation_names_scope_roles_errors_and_an_example() -> None:
    for path, methods in document.build()["paths"].items():
        for method, details in methods.items():
            where = f"{method} {path}"
            assert "x-scopes" in details or details["security"] == [], where
            assert {"429", "500", "503"} <= {*details["responses"]}, where
            good = [each for status, each in details["responses"].items() if status < "300"]
            assert good, where
            for response in good:
                for content in response.get("content", {}).values():
                    assert "example" in content, where
            for content in details.get("requestBody", {}).get("content", {}).values():
                assert "example" in content, where


def test_a_policy_names_the_roles_that_may_give_its_scope() -> None:
    scope = next(scope for scope in SCOPES if scope == "audit:view")
    assert Policy((scope,)).roles == ["Owner", "Admin"]


def test_headers_that_make_a_call_safe_are_parameters() -> None:
    taken: dict[str, set[str]] = {"Idempotency-Key": set(), "If-Match": set()}
    creates, compares = set(), set()
    for methods in document.build()["paths"].values():
        for details in methods.values():
            for each in details["parameters"]:
                if each["in"] == "header":
                    taken[each["name"]].add(details["operationId"])
            if "201" in details["responses"]:
                creates.add(details["operationId"])
            if "412" in details["responses"]:
                compares.add(details["operationId"])
    assert taken["Idempotency-Key"] == creates | {"changeApiKeys", "rotateApiKey"}
    assert taken["If-Match"] == compares
    assert "deleteServiceAccount" in compares
