"""`andon demo`: the service with the demo shop's estate in it, its rules on, and a receiver for what they
send.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import examples
from api.server import serve
from api.settings import Settings
from examples.shop.beside import load_beside
from examples.shop.load import load

WEBHOOK_REFERENCE = "ANDON_DEMO_WEBHOOK"
RULES = Path(examples.__file__).with_name("rules")
_SHOWN_BYTES = 64 * 1024

log = logging.getLogger("andon.demo")


def demo(settings: Settings, *, keep: bool) -> None:
    """Serve until asked to stop. The data goes with the process unless `keep`."""
    with tempfile.TemporaryDirectory(prefix="andon-demo-") as folder:
        if not keep:
            settings = dataclasses.replace(settings, data=Path(folder))
        receiver = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
        threading.Thread(target=receiver.serve_forever, name="andon-demo-receiver", daemon=True).start()
        address = f"127.0.0.1:{receiver.server_port}"
        settings = dataclasses.replace(
            settings,
            rules=settings.rules or str(RULES),
            references={**settings.references, WEBHOOK_REFERENCE: f"http://{address}/"},
            webhook_hosts=(*settings.webhook_hosts, address),
        )
        try:
            serve(settings, _loader(address))
        finally:
            receiver.shutdown()


def _loader(receiver: str) -> Callable[[str], None]:
    def ready(url: str) -> None:
        _say(f"listening on {url}")
        threading.Thread(target=_load, args=(url, receiver), name="andon-demo-load", daemon=True).start()

    return ready


def _load(url: str, receiver: str) -> None:
    """Send the estate's week; runs beside the service, which has to live without it if it fails."""
    try:
        now = datetime.now(UTC)
        sent = load(url, now=now)
        load_beside(url, now=now)
    except Exception:  # a thread's edge
        log.exception("the demo's events could not be sent")
        return
    _say(f"""
{sent} OpenLineage events of a week in a small coffee shop's data estate are in, and beside them its glossary, data
products, services, costs and policies.

  1. Open {url}/ui/ and search for "revenue": where does the dashboard's number come from?
  2. Open {url}/graphql and ask: {{ entities(type: "Dashboard") {{ nodes {{ urn owners {{ name }} }} }} }}
  3. A run failed during the week, and a rule told the owners of the dashboards downstream. What it sent
     arrived at http://{receiver}/ and stands here above or below; {{ firings {{ rule subject evidence }} }}
     says why.

Ctrl-C stops it.
""")


class _Receiver(BaseHTTPRequestHandler):
    """Prints what rules send."""

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", 0)), _SHOWN_BYTES)
        body = self.rfile.read(length)
        self.send_response(204)
        self.end_headers()
        _say(f"a rule sent: {_readable(body)}")

    def log_message(self, format: str, *args: object) -> None:
        """The standard library would log each request."""


def _readable(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2)
    except ValueError:
        return repr(body[:500])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
