"""The gate: an ASGI middleware ahead of Django that routes, decides and answers predictions."""
