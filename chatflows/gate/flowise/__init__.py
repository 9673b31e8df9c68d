"""Handlers of the endpoints that Flowise's clients call."""
