"""runserver: start the server of `serve`, and restart it when code changes."""

from config import server
from config.management.commands.serve import Command as Serve


class Command(Serve):
    help = "Like serve, and starts again when a Python file changes."

    def serve(self) -> None:
        """Start the server with reload."""
        server.run(reload=True)
