"""Chatflows: what answers, who may call it, and the gate that decides."""
