"""What the streams are compared with: aiohttp passing bytes on, and nothing else."""

import sys

import aiohttp
import uvloop
from aiohttp import web

UPSTREAM = web.AppKey("UPSTREAM", str)
SESSION = web.AppKey("SESSION", aiohttp.ClientSession)


async def relay(request: web.Request) -> web.StreamResponse:
    """Ask upstream, pass on what comes."""
    body = await request.read()
    async with request.app[SESSION].post(request.app[UPSTREAM], data=body) as upstream:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
        return response


async def open_session(app: web.Application) -> None:
    """As many connections as there are streams."""
    app[SESSION] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def close_session(app: web.Application) -> None:
    """Quietly."""
    await app[SESSION].close()


if __name__ == "__main__":
    uvloop.install()  # as the shipped server
    application = web.Application()
    application[UPSTREAM] = sys.argv[2]
    application.on_startup.append(open_session)
    application.on_cleanup.append(close_session)
    application.router.add_post("/{path:.*}", relay)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
