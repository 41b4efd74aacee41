"""What `andon gate` does: asks a running service whether a pipeline may go on, and says it by the exit status."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from typing import TextIO

import msgspec
import requests

from api.gate import LONGEST_WAIT, Answer, StopAnswer
from graph.errors import InvalidInput, NotAllowed, Unavailable

GO, STOPPED, WRONG, UNREACHABLE = 0, 1, 2, 3
"""Exit statuses. `WRONG` is for what asking again would not mend: arguments, a key, a dataset that is not there."""

_DURATION = re.compile(r"(\d{1,6})(s|m|h|d|)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_ANSWER_WITHIN = 10.0  # seconds for an answer that nobody has to wait for
_PAUSE = 2.0  # seconds between tries while the service cannot be reached

Parameters = Sequence[tuple[str, str]]
_read = msgspec.json.Decoder(Answer).decode
_read_problem = msgspec.json.Decoder(dict[str, object]).decode


def gate(url: str, key: str, asked: Parameters, wait: str | None, *, goes_unreachable: bool, as_json: bool) -> int:
    """Ask until all may go, at most for `wait` (`10m`); the exit status."""
    seconds = 0 if wait is None else seconds_of(wait, "--wait")
    try:
        answer = _ask(url, key, asked, seconds)
    except (InvalidInput, NotAllowed) as error:
        _complain(str(error))
        return WRONG
    except Unavailable as error:
        _complain(f"{error}; {'going on all the same' if goes_unreachable else 'not going on'}")
        return GO if goes_unreachable else UNREACHABLE
    if as_json:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    else:
        _say(answer, sys.stdout)
    return GO if answer.go else STOPPED


def seconds_of(text: str, flag: str) -> int:
    """`90`, `90s`, `10m`, `2h`, `1d` in seconds. Raises `InvalidInput`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidInput(f"expected a whole number with s, m, h or d, such as 10m, found {text[:40]!r}", field=flag)
    return int(match[1]) * _UNITS[match[2]]


def _ask(url: str, key: str, asked: Parameters, seconds: float) -> Answer:
    """The answer that lets go, or the last one of this time. The service holds each answer back: no busy loop."""
    until = time.monotonic() + seconds
    told = False
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no .netrc: the key goes to this address and nowhere else
        if key:
            session.headers["Authorization"] = f"Bearer {key}"
        while True:
            left = max(until - time.monotonic(), 0)
            held = min(left, LONGEST_WAIT) if told else 0  # the first is at once, so that it can be told
            try:
                answer = _answer(session, url, asked, held)
            except Unavailable as error:
                left = until - time.monotonic()
                if left <= 0:
                    raise
                _complain(f"{error}; trying again")
                time.sleep(min(max(error.retry_after, _PAUSE), left))
                continue
            if answer.go or time.monotonic() >= until:
                return answer
            if not told:
                _say(answer, sys.stderr)
                _complain(f"waiting for a restart, {left:.0f} s at most")
                told = True


def _answer(session: requests.Session, url: str, asked: Parameters, wait: float) -> Answer:
    parameters = [*asked, *([("wait", f"{wait:.3f}")] if wait else [])]
    try:
        found = session.get(
            url.rstrip("/") + "/api/v1/gate",
            params=parameters,
            timeout=(_ANSWER_WITHIN, _ANSWER_WITHIN + wait),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise Unavailable(f"{url} does not answer ({type(error).__name__})") from None
    if found.status_code == 200:
        try:
            return _read(found.content)
        except msgspec.DecodeError:
            raise Unavailable(f"{url} is no Andon: it answers the gate otherwise") from None
    reason = _reason(found)
    if found.status_code in (401, 403):
        raise NotAllowed(f"{reason}; the key is the setting api_key (ANDON_API_KEY)")
    if 400 <= found.status_code < 500:
        raise InvalidInput(reason)
    after = found.headers.get("Retry-After", "")
    raise Unavailable(f"{url} answered {found.status_code}: {reason}", retry_after=int(after) if after.isdigit() else 1)


def _reason(found: requests.Response) -> str:
    try:
        details = _read_problem(found.content)
    except msgspec.DecodeError:
        return found.reason or "no reason given"
    return str(details.get("detail") or details.get("title"))


def _say(answer: Answer, stream: TextIO) -> None:
    write = stream.write
    write(f"{'go' if answer.go else 'stopped'}{'' if answer.policy is None else f' ({answer.policy})'}\n")
    for stop in answer.stops:
        write(_line(stop) + "\n")
    for note in answer.notes:
        write(f"  note: {note}\n")


def _line(stop: StopAnswer) -> str:
    owner = "" if stop.owner is None else f", {stop.owner}"
    return f"  {stop.policy}: {stop.cause} (since {stop.since}{owner}; {stop.urn})\n    via {' > '.join(stop.via)}"


def _complain(line: str) -> None:
    sys.stderr.write(f"andon gate: {line}\n")
