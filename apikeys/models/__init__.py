"""The tables of apikeys."""

from apikeys.models.badges import Status
from apikeys.models.hand_overs import HandOver
from apikeys.models.key_file import KeyFileChange, WaitingSelection
from apikeys.models.keys import ApiKey, ApiKeyQuerySet, KeySecret, Kind
from apikeys.models.leaks import LeakCandidate
from apikeys.models.notices import Notice
from apikeys.models.policies import KeyPolicy
from apikeys.models.visits import KeyVisit

__all__ = [
    "ApiKey",
    "ApiKeyQuerySet",
    "HandOver",
    "KeyFileChange",
    "KeyPolicy",
    "KeySecret",
    "KeyVisit",
    "Kind",
    "LeakCandidate",
    "Notice",
    "Status",
    "WaitingSelection",
]
