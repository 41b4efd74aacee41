"""The processes that answer SPARQL queries: started when they are needed, killed when a query takes too long."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from graph.errors import AndonError, InvalidInput, TookTooLong, TooLarge, Unavailable

from .worker import LENGTH, Answer, Question, send

_SCRIPT = Path(__file__).with_name("worker.py")
_GRACE = 2.0  # seconds by which a worker outlives its own alarm at most
_IDLE_SECONDS = 120.0
_START_SECONDS = 30.0


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    used_at: float = field(default_factory=time.monotonic)

    def ask(self, question: Question) -> Answer:
        """Raises `EOFError` where the process ended."""
        assert self.process.stdin is not None
        watchdog = threading.Timer(question.seconds + _GRACE, self.process.kill)
        watchdog.start()
        try:
            send(self.process.stdin, msgspec.msgpack.encode(question))
            return msgspec.msgpack.decode(self.read(), type=Answer)
        except OSError as error:
            raise EOFError from error
        finally:
            watchdog.cancel()
            self.used_at = time.monotonic()

    def read(self) -> bytes:
        """The next frame. Raises `EOFError` where the process ended."""
        assert self.process.stdout is not None
        head = self.process.stdout.read(LENGTH.size)
        if len(head) < LENGTH.size:
            raise EOFError
        (length,) = LENGTH.unpack(head)
        frame = self.process.stdout.read(length)
        if len(frame) < length:
            raise EOFError
        return frame

    def end(self) -> int:
        """Its exit status."""
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()
        return status


class Workers:
    """At most `count` of them, each with `memory` bytes for itself; `ask` may be called from any thread."""

    def __init__(self, count: int, memory: int) -> None:
        self._memory = memory
        self._free = threading.BoundedSemaphore(count)
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._closed = False

    def ask(self, question: Question) -> Answer:
        """The answer, of outcome `solutions`, `graph` or `unacceptable`.

        Raises `InvalidInput` for a query that cannot be read, `TookTooLong`, `TooLarge` for its answer or its memory,
        and `Unavailable` where there is no worker in the query's time.
        """
        if not self._free.acquire(timeout=question.seconds):
            raise Unavailable("too many SPARQL queries are running")
        try:
            answer = self._ask(question)
        finally:
            self._free.release()
        return _checked(answer, question)

    def _ask(self, question: Question) -> Answer:
        worker = self._take()
        try:
            answer = worker.ask(question)
        except EOFError:
            raise _why(worker.end(), question, self._memory) from None
        except BaseException:
            worker.end()
            raise
        self._idle.put(worker)
        self._prune()
        return answer

    def _take(self) -> _Worker:
        if self._closed:
            raise Unavailable("Andon is stopping")
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        command = [sys.executable, "-P", str(_SCRIPT), str(self._memory)]
        worker = _Worker(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        )
        watchdog = threading.Timer(_START_SECONDS, worker.process.kill)
        watchdog.start()
        try:
            worker.read()
        except EOFError:
            raise Unavailable(f"no process to answer could be started (status {worker.end()})") from None
        finally:
            watchdog.cancel()
        return worker

    def _prune(self) -> None:
        """End those that nobody has needed for long, some time from now."""
        timer = threading.Timer(_IDLE_SECONDS, self._end_idle, (_IDLE_SECONDS,))
        timer.daemon = True
        timer.start()

    def _end_idle(self, seconds: float) -> None:
        kept = []
        with suppress(queue.Empty):
            while True:
                worker = self._idle.get_nowait()
                if time.monotonic() - worker.used_at >= seconds:
                    worker.end()
                else:
                    kept.append(worker)
        for worker in reversed(kept):
            self._idle.put(worker)

    def close(self) -> None:
        self._closed = True
        self._end_idle(0)


def _checked(answer: Answer, question: Question) -> Answer:
    if answer.outcome in ("solutions", "graph", "unacceptable"):
        return answer
    reason = answer.body.decode(errors="replace")
    if answer.outcome == "invalid":
        raise InvalidInput(reason, field="query")
    if answer.outcome == "too_large":
        raise TooLarge(f"the answer is larger than {question.max_bytes} bytes: ask for less, or with LIMIT")
    raise Unavailable(f"the query failed: {reason[:500]}")


def _why(status: int, question: Question, memory: int) -> AndonError:
    """Why a worker ended instead of answering."""
    if status in (-signal.SIGALRM, -signal.SIGKILL):
        return TookTooLong(f"the query took longer than {question.seconds:g} seconds and was ended")
    if status == -signal.SIGABRT:
        return TooLarge(f"the query needs more memory than {memory} bytes: ask for less of it", field="query")
    return TooLarge("the query is too deep or too large to be run", field="query")
