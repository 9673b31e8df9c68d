"""The edge: what an application may tell the wire of the world around it."""

from typing import Protocol


class Edge(Protocol):
    """An application offers it as its attribute `edge`."""

    def is_own_host(self, host: str) -> bool:
        """Return whether a host (with its port, if any) is a name of this server."""

    def is_proxy(self, address: str) -> bool:
        """Return whether an address is a proxy of ours, which brings many clients."""


class Nowhere:
    """The edge of an application that tells nothing."""

    def is_own_host(self, host: str) -> bool:
        """See Edge."""
        return False

    def is_proxy(self, address: str) -> bool:
        """See Edge."""
        return False
