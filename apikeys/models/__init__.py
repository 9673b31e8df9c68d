"""The tables of apikeys."""

from apikeys.models.keys import ApiKey, ApiKeyQuerySet, KeySecret, Status

__all__ = ["ApiKey", "ApiKeyQuerySet", "KeySecret", "Status"]
