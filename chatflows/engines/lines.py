"""Lines: split the chunks of an event stream into lines of bounded length. Pure."""

MAX_LINE_BYTES = 2 * 1024 * 1024  # a frame with sources can be large


class TooLong(Exception):
    """Raised for a line over the limit."""


class Lines:
    """Collects chunks as they come, and returns whole lines without their line ends."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def are_whole(self) -> bool:
        """Whether the last chunk ended at the end of a line."""
        return not self._size

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that a chunk completes. Raises TooLong."""
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        if self._size > self._limit:
            raise TooLong
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts, self._size = [others[-1]], len(others[-1])
        return [line.removesuffix(b"\r") for line in lines]
