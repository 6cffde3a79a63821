"""The public app on a socket, inside a loop that somebody else owns."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from nurture.errors import Mistake


class _Guest(uvicorn.Server):
    """A server that leaves signals to its host: two that fight for them stop neither."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port (any free one for 0). Requests under way are finished.

    Raises Mistake where it cannot listen there.
    """
    listening = _listening(host, port)  # uvicorn would end the process where it cannot
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off",
        proxy_headers=False, server_header=False, timeout_graceful_shutdown=10,
    )  # fmt: skip
    server = _Guest(config)
    task = asyncio.create_task(server.serve([listening]))
    try:
        while not server.started:
            if task.done():
                await task  # raises what kept it from starting
                raise OSError(f"the web server did not start on {host}:{port}")
            await asyncio.sleep(0.01)
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await task


def _listening(host: str, port: int) -> socket.socket:
    plain = host.strip("[]")
    try:
        return socket.create_server((plain, port), family=socket.AF_INET6 if ":" in plain else socket.AF_INET)
    except (OSError, OverflowError) as wrong:
        said = (getattr(wrong, "strerror", None) or str(wrong)).partition(" (while ")[0]
        raise Mistake(f"nurture.toml [web] bind: cannot listen on {host}:{port}: {said}") from None
