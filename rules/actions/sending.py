"""A process of its own that sends one message by Apprise: `python sending.py`, told by JSON on its standard input.

Apprise is some two hundred plugins that each speak to the network in their own way, so no one place in it could vet
where they go. What vets is Python's audit hook (PEP 578), once Apprise is loaded: whatever a plugin does, a connection
is made to an address that is public or allowed, or not at all. That holds for the address itself, after every look-up
and redirect, so a name that answers differently the second time gains nothing. Nor may a plugin start a process, load
a library, write a file, or read one that is not Python's. A hook cannot be taken off again: hence the process, which
also bounds the time, and has nothing in its memory and environment but this message.

Input: `url`, `title`, `body`, `severity`, `key`, `resolves` (whether what `key` said is over), `allowed` (hosts, as
`localhost:9000`). Output, as JSON: `sent`; `refused`, why it never can be; `statuses` of HTTP answers and the last
`retry_after`. Nothing of it holds any part of the URL, or what the target said.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import runpy
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SERVICES: Mapping[str, str] = {
    "pagerduty": "pagerduty.NotifyPagerDuty",
    "opsgenie": "opsgenie.NotifyOpsgenie",
    "splunk": "splunk.NotifySplunk", "victorops": "splunk.NotifySplunk",
    "ilert": "ilert.NotifyILert",
    "incidentio": "incidentio.NotifyIncidentIO",
    "squadcast": "squadcast.NotifySquadcast",
    "slack": "slack.NotifySlack",
    "workflow": "workflows.NotifyWorkflows", "workflows": "workflows.NotifyWorkflows",
    "gchat": "google_chat.NotifyGoogleChat",
    "discord": "discord.NotifyDiscord",
    "mmost": "mattermost.NotifyMattermost", "mmosts": "mattermost.NotifyMattermost",
    "rocket": "rocketchat.NotifyRocketChat", "rockets": "rocketchat.NotifyRocketChat",
    "webex": "webexteams.NotifyWebexTeams", "wxteams": "webexteams.NotifyWebexTeams",
    "zulip": "zulip.NotifyZulip",
    "tgram": "telegram.NotifyTelegram",
    "ntfy": "ntfy.NotifyNtfy", "ntfys": "ntfy.NotifyNtfy",
    "gotify": "gotify.NotifyGotify", "gotifys": "gotify.NotifyGotify",
    "pover": "pushover.NotifyPushover",
    "mailto": "email.NotifyEmail", "mailtos": "email.NotifyEmail",
    "sendgrid": "sendgrid.NotifySendGrid",
    "mailgun": "mailgun.NotifyMailgun",
    "ses": "ses.NotifySES",
    "sns": "sns.NotifySNS",
    "twilio": "twilio.NotifyTwilio",
    "jira": "jira.NotifyJira",
    "github": "github.NotifyGitHub",
    "betterstack": "betterstack.NotifyBetterStack",
    "pagertree": "pagertree.NotifyPagerTree",
    "signl4": "signl4.NotifySIGNL4",
    "json": "custom_json.NotifyJSON", "jsons": "custom_json.NotifyJSON",
    "xml": "custom_xml.NotifyXML", "xmls": "custom_xml.NotifyXML",
    "form": "custom_form.NotifyForm", "forms": "custom_form.NotifyForm",
}  # fmt: skip
"""The plugin of each scheme that a URL may have: remote services by HTTP or SMTP, never what is on this machine."""

_ASSET: Mapping[str, Any] = {
    "app_id": "Andon",
    "app_desc": "Andon",
    "app_url": "",
    "image_url_mask": "",
    "image_url_logo": "",
}
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}
_LONGEST = 15  # seconds; whoever started the process ends it sooner, if still there
_INWARD = "its host is not at a public address; allowed_hosts can make an exception"
_UNREADABLE = "the URL is not one that Apprise reads for its service"

# What no message needs; most of it would leave the process.
_NEVER = (
    "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.spawn",
    "ctypes.", "syslog.", "sqlite3.", "os.kill", "os.chmod", "os.chown", "os.remove",
    "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "shutil.", "socket.sendto", "socket.sendmsg",
)  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Kept(PermissionError):
    """What the guard does not let a plugin do: an `OSError`, so that plugins take it for a connection that failed."""


class Guard:
    """An audit hook. `allowed` are (address, port); `refused` says whether an address was kept from a plugin."""

    def __init__(self, allowed: frozenset[tuple[str, int]]) -> None:
        # By its path: the package's own imports would take longer than all that is done here.
        self._is_public = runpy.run_path(str(Path(__file__).with_name("address.py")))["is_public"]
        self._allowed = allowed
        places = (sys.prefix, sys.base_prefix, "/usr", "/etc/mime.types", "/etc/localtime", "/dev")
        self._readable = tuple({os.path.realpath(it) for it in places})
        self.refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            self._connect(arguments[1])
        elif event == "open":
            self._open(*arguments)
        elif event.startswith(_NEVER):
            raise Kept(event)

    def _connect(self, address: object) -> None:
        host, port = address[:2] if isinstance(address, tuple) else (None, 0)  # else of a socket in the file system
        host = host.partition("%")[0] if isinstance(host, str) else ""
        if (host, port) not in self._allowed and not self._is_public(host):
            self.refused = True
            raise Kept("address")

    def _open(self, path: object, mode: str | None, flags: int) -> None:
        writes = flags & _WRITES or (mode is not None and any(it in mode for it in "wax+"))
        if writes or not isinstance(path, str | bytes):
            raise Kept("file")
        real = os.path.realpath(os.fsdecode(path))
        if not any(real == it or real.startswith(it + os.sep) for it in self._readable):
            raise Kept("file")


def addresses(allowed: list[str]) -> frozenset[tuple[str, int]]:
    """Where hosts that are allowed by name are now."""
    found: set[tuple[str, int]] = set()
    for entry in allowed:
        host, _, port = entry.rpartition(":")
        try:
            answers = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except (OSError, ValueError, UnicodeError):
            continue
        found.update((str(it[4][0]), int(port)) for it in answers)
    return frozenset(found)


def main() -> None:
    signal.alarm(_LONGEST)
    told = json.load(sys.stdin)
    logging.disable()  # what plugins log holds URLs and answers
    sys.dont_write_bytecode = True
    said: dict[str, Any] = {"sent": False, "refused": None, "statuses": [], "retry_after": None}
    try:
        _send(told, said)
    except Exception as error:  # the edge of the process
        said["broke"] = type(error).__name__
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # whatever threads a plugin has begun


def _send(told: Mapping[str, Any], said: dict[str, Any]) -> None:
    import apprise
    import requests
    from apprise.common import NotifyFormat, NotifyType, OverflowMode

    class Session(requests.Session):
        """Notes what was answered; reads no proxy, `.netrc` or other setting of this machine, follows no redirect."""

        def __init__(self) -> None:
            super().__init__()
            self.trust_env = False

        def send(self, request: Any, **options: Any) -> Any:
            options["allow_redirects"] = False
            answer = super().send(request, **options)
            said["statuses"].append(answer.status_code)
            said["retry_after"] = answer.headers.get("Retry-After")
            return answer

    requests.sessions.Session = Session  # type: ignore[misc]
    service = _service(told["url"], apprise.AppriseAsset(**_ASSET))
    if service is None:
        said["refused"] = _UNREADABLE
        return
    service.verify_certificate = True
    service.request_rate_per_sec = 0.0
    service.overflow_mode = OverflowMode.TRUNCATE
    guard = Guard(addresses(told["allowed"]))
    sys.addaudithook(guard)
    kind = "success" if told["resolves"] else _TYPES[told["severity"]]
    send = _keyed(service, told)
    said["sent"] = bool(send(told, NotifyType(kind), NotifyFormat.TEXT))
    if guard.refused:
        said["refused"] = _INWARD


def _service(url: str, asset: Any) -> Any:
    """The plugin with its URL; None where it cannot read it."""
    module, _, name = SERVICES[url.partition("://")[0].lower()].partition(".")
    plugin = getattr(importlib.import_module(f"apprise.plugins.{module}"), name)
    try:
        found = plugin.parse_url(url)
        return plugin(**(found | {"asset": asset, "tag": set()})) if found else None
    except Exception:  # plugins raise what they like about a URL, with the URL in it
        return None


def _keyed(service: Any, told: Mapping[str, Any]) -> Any:
    """How to send, so that services which know one alert from another by a key open and end that of `key`."""

    def send(told: Mapping[str, Any], kind: Any, format: Any) -> object:
        return service.notify(body=told["body"], title=told["title"], notify_type=kind, body_format=format)

    def close(told: Mapping[str, Any], kind: Any, format: Any) -> object:
        """The plugin knows alerts by the numbers of its own process only; Opsgenie knows them by alias too."""
        import requests
        from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP

        url = f"{OPSGENIE_API_LOOKUP[service.region_name]}/{told['key']}/close"
        return service._fetch(requests.post, url, {"note": told["body"]}, {"identifierType": "alias"})[0]

    if hasattr(service, "dedup"):  # PagerDuty, iLert, incident.io, Squadcast
        service.dedup, service.action = told["key"], "map"
    elif hasattr(service, "entity_id"):  # Splunk On-Call
        service.entity_id = told["key"]
    elif type(service).__name__ == "NotifyOpsgenie":
        service.alias, service.action = told["key"], "new"
        return close if told["resolves"] else send
    return send


if __name__ == "__main__":
    main()
