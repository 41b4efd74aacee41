"""Runs the service as a process: a socket, an event loop, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from api.app import Service, die
from api.settings import Settings
from graph.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Generator

log = logging.getLogger("andon")

# The projector folds on a thread of this process; with Python's 5 ms each request would wait that long for
# its turn.
_SWITCH_INTERVAL = 0.0005
# What the fold remembers is large and without cycles: looking for some in it at Python's pace cost a fifth of the
# projector's rate.
_COLLECT_AFTER = (50_000, 20, 100)
_STOP_WITHIN = 5  # seconds for requests under way when asked to stop


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `Conflict` if it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        raise Conflict(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return bound


def url_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Tells when it is ready, and ends with status 0 when it is asked to stop."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn raises the signal again after it has stopped, which would be a failure's exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the address as soon as requests are answered.

    Raises `AndonError` if it cannot start.
    """
    bound = listen(settings.host, settings.port)
    try:
        service = Service(settings, on_broken=die)
        config = uvicorn.Config(
            service.asgi,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_STOP_WITHIN,
        )
        sys.setswitchinterval(_SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()  # what start-up made stays; later collections need not look at it
        gc.set_threshold(*_COLLECT_AFTER)
        gc.enable()
        server = _Server(config, lambda: ready(url_of(bound)))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(server.serve([bound]))
        if not server.started:
            raise Conflict("Andon did not start; the log says why")
    finally:
        bound.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # optional: there is none for Windows and PyPy
    except ImportError:
        return None
    return uvloop.new_event_loop
