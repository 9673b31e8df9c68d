"""runserver: the same server as `serve`, restarted when code changes."""

from config import server
from config.management.commands.serve import Command as Serve


class Command(Serve):
    help = "Like serve, and starts again when a Python file changes."

    def serve(self) -> None:
        """Start the server with reload."""
        server.run(reload=True)
