"""Chatflows: what answers a call, who may call, and the gate that lets calls in."""
