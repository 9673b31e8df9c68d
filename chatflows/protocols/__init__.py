"""Protocols: how a client's question is read and its answer written."""
