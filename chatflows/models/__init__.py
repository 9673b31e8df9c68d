"""The models of chatflows."""

from chatflows.models.aborts import Abort
from chatflows.models.calls import Call
from chatflows.models.chatflows import AccessMode, Chatflow, ChatflowType, Selection
from chatflows.models.conversations import Conversation, Message
from chatflows.models.faq_entries import FaqEntry
from chatflows.models.flow_apps import FlowApp, FlowAppState, FlowSession, HostedChat
from chatflows.models.unanswered import UnansweredQuestion
from chatflows.models.upstream_secrets import UpstreamSecret
from chatflows.models.usage import OriginDay, PeriodCount, Reservation, UsageHour

__all__ = [
    "Abort",
    "AccessMode",
    "Call",
    "Chatflow",
    "ChatflowType",
    "Conversation",
    "FaqEntry",
    "FlowApp",
    "FlowAppState",
    "FlowSession",
    "HostedChat",
    "Message",
    "OriginDay",
    "PeriodCount",
    "Reservation",
    "Selection",
    "UnansweredQuestion",
    "UpstreamSecret",
    "UsageHour",
]
