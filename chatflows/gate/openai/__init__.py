"""Handlers of OpenAI's endpoints, one module each."""
