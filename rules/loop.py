"""A thread that takes steps while there is work, and rests while there is none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from graph.errors import AndonError

_LONGEST_PAUSE = 30.0

_log = logging.getLogger("andon.rules")


class Loop:
    """Calls `step` again and again; after a False it rests for `idle` seconds or until `wake`.

    A step that raises is logged and taken again after a pause that doubles, from `idle` to 30 seconds: what
    it was working on is still in the outbox or before the checkpoint.
    """

    def __init__(self, name: str, step: Callable[[], bool], idle: float) -> None:
        self._name = name
        self._step = step
        self._idle = idle
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """End the rest early; safe from any thread and cheap."""
        self._woken.set()

    def stop(self, timeout: float) -> bool:
        """End after the step under way; False if that took longer than `timeout` seconds."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        pause = self._idle
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                worked = self._step()
                pause = self._idle
            except Exception as error:  # the edge of the thread
                _log.error("%s: %s", self._name, _told(error))
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if not worked:
                self._woken.wait(self._idle)


def _told(error: Exception) -> str:
    """Our own errors are free of secrets (graph.errors); of others only the kind is safe to log."""
    return str(error) if isinstance(error, AndonError) else type(error).__name__
