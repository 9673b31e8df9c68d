"""Mail: the outbox, the sender, and what went wrong."""
