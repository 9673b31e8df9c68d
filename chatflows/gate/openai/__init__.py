"""Handlers of the endpoints that OpenAI's clients call."""
