"""Access: who is let in, and what everybody else is told."""
