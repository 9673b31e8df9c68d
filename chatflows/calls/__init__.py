"""Calls: what the gate learns, recorded and read."""
