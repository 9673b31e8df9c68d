"""The move of a SQLite database to PostgreSQL: rows as values, all of them or none."""

from config.copies.moves.move import Moved, move

__all__ = ["Moved", "move"]
