"""Handlers of Flowise's endpoints, one module each."""
