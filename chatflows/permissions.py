"""Permissions of chatflows: `agentflows:` governs flows with agents, `chatflows:` all others."""

from accounts.permissions import Permission
from chatflows.models import Chatflow, ChatflowType

WITH_AGENTS = frozenset({ChatflowType.AGENTFLOW, ChatflowType.MULTIAGENT})


def permission_for(chatflow: Chatflow, verb: str) -> Permission:
    """Return the permission that asks for `verb` (view, update or delete) on this chatflow."""
    resource = "agentflows" if chatflow.type in WITH_AGENTS else "chatflows"
    return Permission(f"{resource}:{verb}")


def of_type(permission: Permission, chatflow: Chatflow) -> Permission:
    """Return the permission that a page asks for, by the type of its chatflow.

    `chatflows:update` is `agentflows:update` for an agentflow. Other permissions stay.
    """
    resource, verb = permission.split(":")
    return permission_for(chatflow, verb) if resource == "chatflows" else permission
