"""Send the demo estate's history to an OpenLineage receiver with the official client, and to an Andon the rest too.

python -m examples.shop.load --url http://127.0.0.1:8080
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.transport.http import (
    ApiKeyTokenProvider,
    HttpConfig,
    HttpTransport,
    TokenProvider,
)

from examples.shop.beside import load_beside
from examples.shop.history import SEED, history
from graph.errors import AndonError

DEFAULT_URL = "http://127.0.0.1:8080"
PROGRESS_EVERY = 50


def load(
    url: str,
    api_key: str | None = None,
    now: datetime | None = None,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Send the days before `now` (default: the clock), oldest event first; return how many were sent.

    `progress` is told (sent, of) every 50 events and at the end. Sending the same hour twice sends the same
    bytes, so a receiver that knows duplicates changes nothing. Raises requests.RequestException when the
    receiver refuses an event or is not there, RuntimeError when OPENLINEAGE_DISABLED keeps the client from
    sending.
    """
    events = history(now or datetime.now(UTC), seed)
    client = _client(url, api_key)
    try:
        for sent, event in enumerate(events, start=1):
            client.emit(event)
            if progress and (sent % PROGRESS_EVERY == 0 or sent == len(events)):
                progress(sent, len(events))
    finally:
        client.close()
    return len(events)


def _client(url: str, api_key: str | None) -> OpenLineageClient:
    auth = ApiKeyTokenProvider({"api_key": api_key}) if api_key else TokenProvider({})
    # The client joins address and endpoint as a browser would: without the slash a path's last part is lost.
    config = HttpConfig(url=url.rstrip("/") + "/", auth=auth, timeout=30)
    client = OpenLineageClient(transport=HttpTransport(config))
    if not isinstance(client.transport, HttpTransport):
        raise RuntimeError("OPENLINEAGE_DISABLED is set, so the OpenLineage client would send nothing: unset it")
    return client


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when everything was taken."""
    parser = argparse.ArgumentParser(prog="python -m examples.shop.load", description="Load the demo estate.")
    parser.add_argument("--url", default=DEFAULT_URL, help="where Andon listens (default: %(default)s)")
    parser.add_argument("--api-key", help="a key with scope emit, where the service asks for one")
    parser.add_argument("--now", type=_instant, help="end the history here, ISO 8601 (default: now; no zone means UTC)")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, other numbers and run ids")
    parser.add_argument(
        "--events-only", action="store_true", help="leave out what only Andon takes: catalogue, costs, policies"
    )
    given = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        sent = load(given.url, given.api_key, given.now, given.seed, _print_progress)
        if not given.events_only:
            load_beside(given.url, given.api_key, given.now, given.seed, print)
    except (requests.RequestException, RuntimeError, AndonError) as error:
        print(f"could not load the demo estate into {given.url}: {error}", file=sys.stderr)
        return 1
    print(f"sent {sent} events in {time.monotonic() - began:.1f} s")
    return 0


def _instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _print_progress(sent: int, of: int) -> None:
    print(f"{sent}/{of} events")


if __name__ == "__main__":
    raise SystemExit(main())
