"""The server: uvicorn with our protocol and our logs, and without its trust in proxy headers."""

import multiprocessing
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import structlog
import uvicorn
from django.conf import settings
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload

from chatflows.health import folders
from config.draining import DrainingServer
from config.supervisor import Supervisor

if sys.platform != "win32":
    import resource

log = structlog.get_logger("flowlatch.server")

GRACE = 20  # seconds that running streams get after SIGTERM
KEEP_ALIVE = 75  # seconds that an idle connection is kept
BACKLOG = 2048
MAX_CONNECTIONS = 4000  # of one process; near it, those that wait for their client give way
OWN_FILES = 128  # file descriptors for what is no connection: databases, logs, listening sockets
# New connections in one turn of the event loop: uvloop takes one from each listening socket. While
# the loop is busy, a turn is long and many clients wait, also for /livez.
ACCEPTED_AT_ONCE = 16


def options(*, workers: int = 1, reload: bool = False) -> dict[str, Any]:
    """Return the arguments of uvicorn.Config."""
    return {
        "app": "config.served:application",
        "interface": "asgi3",
        "host": settings.HOST,
        "port": settings.PORT,
        "workers": workers,
        "reload": reload,
        "http": "config.wire.short_way:QuickProtocol",
        "ws": "none",
        "lifespan": "on",
        # It would believe a forged X-Forwarded-For from loopback. We read the header ourselves.
        "proxy_headers": False,
        # uvicorn's access log prints query strings.
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE,
        "timeout_keep_alive": KEEP_ALIVE,
        "backlog": BACKLOG,
        "limit_concurrency": max_connections(),
    }


def max_connections() -> int:
    """Return how many connections a process may have, by its limit of open files.

    The limit is raised as far as the system lets us. A call that streams takes two: its client's
    and its upstream's.
    """
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(min(MAX_CONNECTIONS, (hard - OWN_FILES) // 2), 1)


def run(*, reload: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, then exit with status 0."""
    # uvicorn ends by raising the signal that stopped it. For us that is a clean end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    config = uvicorn.Config(**options(workers=settings.WEB_CONCURRENCY, reload=reload))
    database = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    log.info(
        "started",
        version=settings.VERSION,
        url=str(settings.PUBLIC_URL),
        processes=settings.WEB_CONCURRENCY,
        database=database,
    )
    server = DrainingServer(config, settings.SHUTDOWN_DELAY)
    listening = config.bind_socket()
    sockets = [listening, *[listening.dup() for _ in range(ACCEPTED_AT_ONCE - 1)]]
    if config.should_reload:
        ChangeReload(config, target=server.run, sockets=sockets).run()
    elif config.workers > 1:
        folders.begin_again()
        Supervisor(config, sockets, settings.SHUTDOWN_DELAY).run()
    else:
        server.run(sockets=sockets)
        if not server.started:
            sys.exit(STARTUP_FAILURE)


def end_with_parent() -> None:
    """End a worker process as on SIGTERM when its parent is gone.

    A parent that is killed (kill -9, out of memory) can tell nobody, and its workers would go on.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
