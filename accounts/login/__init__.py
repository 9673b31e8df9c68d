"""Login: passwords, sessions, known devices."""
