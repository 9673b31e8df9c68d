"""The tables of accounts."""

from accounts.models.audit import AuditEvent, AuditHead
from accounts.models.invitations import Invitation, InvitationState
from accounts.models.leases import Lease
from accounts.models.limited import Limited, limits_are_positive
from accounts.models.link_tokens import LinkPurpose, LinkToken
from accounts.models.mails import Mail
from accounts.models.ring_keys import RingKey, RingProcess
from accounts.models.service_accounts import Environment, ServiceAccount
from accounts.models.sessions import Session
from accounts.models.stored_answers import StoredAnswer
from accounts.models.teams import Membership, Role, Team, TeamOwned, TeamQuerySet
from accounts.models.tries import LockOut, ResetRequest
from accounts.models.users import Theme, User

__all__ = [
    "AuditEvent",
    "AuditHead",
    "Environment",
    "Invitation",
    "InvitationState",
    "Lease",
    "Limited",
    "LinkPurpose",
    "LinkToken",
    "LockOut",
    "Mail",
    "Membership",
    "ResetRequest",
    "RingKey",
    "RingProcess",
    "Role",
    "ServiceAccount",
    "Session",
    "StoredAnswer",
    "Team",
    "TeamOwned",
    "TeamQuerySet",
    "Theme",
    "User",
    "limits_are_positive",
]
