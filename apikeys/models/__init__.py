"""The tables of apikeys."""

from apikeys.models.keys import ApiKey, KeySecret, Status

__all__ = ["ApiKey", "KeySecret", "Status"]
