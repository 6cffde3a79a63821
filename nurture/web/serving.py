"""The public app on a socket, inside a loop that somebody else owns."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nurture.errors import Mistake

LARGEST_HEAD = 65_536
"""Bytes of a request before its body, as far as they come without an end; the parser itself has no limit."""


HEAD_SECONDS = 10.0
"""Between two looks at a connection; a head that is unfinished at both has had its time."""


class _Bounded(HttpToolsProtocol):
    """Hangs up on a head that does not end, so that nobody fills the memory or holds all connections."""

    _awaited = 0
    _is_open = True
    _heads = 0
    _looked_at = -1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look after it from now on: one timer a connection, none a request."""
        super().connection_made(transport)
        self._looking = self.loop.call_later(HEAD_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to look after any more."""
        self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self._is_open and self._looked_at == self._heads:
            self.transport.close()
            return
        self._looked_at = self._heads if self._is_open else -1
        self._looking = self.loop.call_later(HEAD_SECONDS, self._look)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much of a head."""
        super().data_received(data)
        if self._is_open:
            self._awaited += len(data)
            if self._awaited > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("That is too much.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._awaited, self._is_open = 0, True

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._is_open = False
        self._heads += 1
        super().on_headers_complete()


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
        proxy_headers=False, server_header=False, http=_Bounded, timeout_graceful_shutdown=10,
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
