"""What a server tells those who watch it."""
