"""What happens before the server serves."""
