"""Flowise's protocol (flowise-wire, sections 1 and 2)."""
