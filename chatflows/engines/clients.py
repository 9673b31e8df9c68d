"""The client of upstreams, made when the first engine needs it: aiohttp takes 20 MiB."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp


class LazyClient:
    """One client session for all engines of an event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> "aiohttp.ClientSession":
        """Return the session, which the first call makes. Needs a running loop."""
        if self._session is None:
            from accounts.network import connections  # noqa: PLC0415 (brings aiohttp)

            self._session = connections.session()
        return self._session

    async def close(self) -> None:
        """Close the connections to upstreams."""
        if self._session is not None:
            await self._session.close()
