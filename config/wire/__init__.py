"""The wire: what stands between a socket and the application."""
