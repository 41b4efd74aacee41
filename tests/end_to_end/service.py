"""The service as its users meet it: a process with a data directory, a port and an HTTP interface."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
ANNOUNCEMENT = "listening on "
LINEAGE = "/api/v1/lineage"
BATCH = "/api/v1/lineage/batch"

Event = dict[str, Any]


class ServiceDidNotStart(Exception):
    """The process ended or stayed silent before it was ready; the message carries what it printed."""


class GraphQLErrors(AssertionError):
    """A query was answered with `errors`; `.errors` is that list as it came."""

    def __init__(self, errors: list[dict[str, Any]], printed: str) -> None:
        super().__init__(f"{json.dumps(errors)}\nthe service printed:\n{printed[-4000:]}")
        self.errors = errors


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll `holds` until it is true; fail with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


def command(*arguments: str) -> list[str]:
    """The command line of `andon`, run from this source tree by the interpreter of the tests."""
    return [sys.executable, "-m", "api.cli", *arguments]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of Andon or OpenLineage that would leak into a test."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANDON_", "OPENLINEAGE"))}
    return {**kept, **(extra or {})}


def run_andon(*arguments: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
    """Run one `andon` command to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=REPOSITORY,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class Service:
    """One service process on a data directory; it can be killed, stopped and started again on the same data.

    `key` is sent as a bearer token with every request that does not bring its own. What the process prints
    goes to `<data>.log/`, one pair of files a start.
    """

    def __init__(
        self,
        data: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        key: str | None = None,
        ready_within: float = 30,
    ) -> None:
        self.data = data
        self.key = key
        self.url = ""
        self._arguments = arguments
        self._environment = clean_environment(environment)
        self._ready_within = ready_within
        self._process: subprocess.Popen[bytes] | None = None
        self._client: httpx.Client | None = None
        self._starts = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the service is not running"
        return self._process.pid

    @property
    def client(self) -> httpx.Client:
        assert self._client is not None, "the service is not running"
        return self._client

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and wait until it says that it is ready.

        Raises:
            ServiceDidNotStart: it ended, or was not ready in time.
        """
        assert self._process is None, "the service is running already"
        self._starts += 1
        stdout, stderr = self._output("stdout"), self._output("stderr")
        with stdout.open("wb") as out, stderr.open("wb") as err:
            self._process = subprocess.Popen(
                command("serve", "--data", str(self.data), "--port", "0", *self._arguments),
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        deadline = time.monotonic() + self._ready_within
        self.url = self._announced(stdout, deadline)
        self._client = httpx.Client(base_url=self.url, timeout=60, limits=httpx.Limits(max_connections=None))
        self._wait_for_readiness(deadline)

    def kill(self) -> None:
        """End the process as a power cut would: SIGKILL, no clean-up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask the process to end; it must do so with status 0 within 10 seconds."""
        process = self._process
        assert process is not None, "the service is not running"
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the service did not end within 10 s of SIGTERM") from None
        self._forget()
        assert status == 0, f"ended with status {status} after SIGTERM:\n{self.printed()}"

    def restart(self) -> None:
        """Stop cleanly, then start on the same data."""
        self.stop()
        self.start()

    def printed(self) -> str:
        """What the newest process printed so far, standard output and then standard error."""
        return "\n".join(path.read_text(errors="replace") for path in (self._output("stdout"), self._output("stderr")))

    def headers(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The caller's key, if any, overruled by `extra`."""
        own = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {**own, **(extra or {})}

    def post(self, body: bytes, headers: Mapping[str, str] | None = None, path: str = LINEAGE) -> httpx.Response:
        """POST bytes as they are, as JSON unless `headers` say otherwise."""
        return self.client.post(
            path, content=body, headers=self.headers({"Content-Type": "application/json", **(headers or {})})
        )

    def post_event(self, event: Event, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.post(json.dumps(event).encode(), headers)

    def accept(self, event: Event) -> int:
        """Post an event that must be taken; returns the position that it was given."""
        answer = self.post_event(event)
        assert answer.status_code in (200, 201), f"{answer.status_code} {answer.text}"
        return int(answer.headers["Andon-Position"])

    def accept_all(self, events: Sequence[Event]) -> int:
        """Post events one by one; returns the greatest position."""
        return max(self.accept(event) for event in events)

    def post_batch(self, events: Sequence[Any]) -> httpx.Response:
        """Post an array, gzipped as a client with much to send would."""
        return self.post(gzip.compress(json.dumps(events).encode(), 3), {"Content-Encoding": "gzip"}, path=BATCH)

    def post_graphql(
        self, query: str, variables: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        body = {"query": query, "variables": dict(variables or {})}
        return self.client.post("/graphql", json=body, headers=self.headers(headers))

    def graphql(
        self, query: str, variables: Mapping[str, Any] | None = None, min_position: int | None = None
    ) -> dict[str, Any]:
        """The `data` of a query, read at `min_position` or later.

        Raises:
            GraphQLErrors: the answer has errors.
        """
        headers = {} if min_position is None else {"Andon-Min-Position": str(min_position)}
        answer = self.post_graphql(query, variables, headers)
        assert answer.headers.get("Content-Type", "").startswith(
            ("application/json", "application/graphql-response+json")
        ), f"{answer.status_code} {answer.text[:2000]}"
        content = answer.json()
        if content.get("errors"):
            raise GraphQLErrors(content["errors"], self.printed())
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:2000]}"
        data: dict[str, Any] = content["data"]
        return data

    def position(self) -> int:
        """The position of the last envelope received."""
        return int(self.graphql("{ status { positionReceived } }")["status"]["positionReceived"])

    def run_state(self, namespace: str, run_id: str, min_position: int | None = None) -> str | None:
        """The state of a run, None where the graph does not have it."""
        found = self.graphql(
            """query($namespace: String!, $name: String!) {
                 entity(type: "Run", namespace: $namespace, name: $name) { ... on Run { state } } }""",
            {"namespace": namespace, "name": run_id},
            min_position,
        )["entity"]
        return None if found is None else str(found["state"])

    def _output(self, stream: str) -> Path:
        folder = self.data.with_name(self.data.name + ".log")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self._starts}.{stream}"

    def _announced(self, stdout: Path, deadline: float) -> str:
        while time.monotonic() < deadline:
            for line in stdout.read_text(errors="replace").splitlines(keepends=True):
                if ANNOUNCEMENT in line and line.endswith("\n"):
                    return line.split(ANNOUNCEMENT, 1)[1].split()[0]
            if not self.alive:
                break
            time.sleep(0.02)
        raise self._failed_start("announced no address")

    def _wait_for_readiness(self, deadline: float) -> None:
        while time.monotonic() < deadline and self.alive:
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise self._failed_start("was not ready")

    def _failed_start(self, what: str) -> ServiceDidNotStart:
        assert self._process is not None
        status = self._process.poll()
        printed = self.printed()
        self.kill()
        return ServiceDidNotStart(f"the service {what} within {self._ready_within} s (status {status}):\n{printed}")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._forget()

    def _forget(self) -> None:
        self._process = None
        if self._client is not None:
            self._client.close()
            self._client = None
