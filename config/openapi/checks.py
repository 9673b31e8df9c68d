"""System checks: every operation of the API declares a policy, and is named once."""

from typing import Any

from django.core import checks

from accounts.api.operations import Bearer, Policy
from config.openapi.api import operations


@checks.register(checks.Tags.security)
def every_operation_has_a_policy(**_: Any) -> list[checks.CheckMessage]:
    """Report error config.E001 for an operation that says neither a scope nor why it is open."""
    return [
        checks.Error(
            f"The operation {method} {path} declares no policy.",
            hint="Add it with accounts.api.operations.operation.",
            id="config.E001",
        )
        for method, path, operation in operations()
        if not _is_declared(operation)
    ]


def _is_declared(operation: Any) -> bool:
    policy = (operation.openapi_extra or {}).get("x-policy")
    if not isinstance(policy, Policy):
        return False
    judges = [each for each in operation.auth_callbacks if isinstance(each, Bearer)]
    is_open = bool(policy.open_because)
    return is_open != bool(judges) and len(judges) == len(operation.auth_callbacks)
