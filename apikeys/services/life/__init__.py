"""How keys live and end: rotation, expiry, reminders, the key policy."""
