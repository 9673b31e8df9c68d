"""Lines of an event stream out of chunks of bytes, each of bounded length. Pure."""

MAX_LINE_BYTES = 2 * 1024 * 1024  # a frame with sources can be large


class TooLong(Exception):
    """A line is over the limit."""


class Lines:
    """Give it chunks as they come; it gives whole lines back, without their ends."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def are_whole(self) -> bool:
        """Whether the last chunk ended where a line does."""
        return not self._size

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that a chunk completes. Raises TooLong."""
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
