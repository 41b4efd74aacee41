"""What `andon audit` does: see whether the log of decisions and outcomes is as it was written."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing

import msgspec

from api.app import open_outbox
from api.journal_commands import journal_file
from api.progress import progress
from api.settings import Settings
from graph.errors import Conflict, InvalidInput
from graph.journal import JournalReader
from graph.model import Envelope, Instant, isoformat
from ingest import mutation
from rules.audit import Audit, Head, verify
from rules.service import OUTBOX_FILE

_BLOCK = 1_000
_HEAD = re.compile(r"([1-9][0-9]{0,18}):([0-9a-f]{2,128})")


def verify_log(settings: Settings, expected: str | None, *, as_json: bool) -> int:
    """Follow the log through the whole journal; 1 where it is not as it was written."""
    head = _head(expected) if expected is not None else None
    with ExitStack() as opened:
        journal = opened.enter_context(closing(journal_file(settings)))
        there = bool(settings.postgres_url) or (settings.data / OUTBOX_FILE).is_file()
        outbox = opened.enter_context(closing(open_outbox(settings))) if there else None
        show = opened.enter_context(progress("reading the journal"))

        def envelopes() -> Iterator[Envelope]:
            last, after = journal.last_position(), 0
            while block := _block(journal, after):
                yield from block
                after = block[-1].position
                show(after, max(last, after))

        audit = verify(envelopes, outbox=outbox, expected=head, redacts=mutation.redacted_by)
    if as_json:
        sys.stdout.write(msgspec.json.encode(_shown(audit)).decode() + "\n")
    else:
        _say(audit, compared=outbox is not None)
    return 1 if audit.fault is not None else 0


def _block(journal: JournalReader, after: int) -> list[Envelope]:
    try:
        return journal.read(after, _BLOCK)
    except zlib.error:
        raise Conflict(f"what the journal has behind position {after} cannot be unpacked: it was altered") from None


def _head(text: str) -> Head:
    match = _HEAD.fullmatch(text)
    if match is None or len(match[2]) % 2:
        raise InvalidInput("expected NUMBER:DIGEST, as 'andon audit verify' prints it", field="--expect")
    return Head(int(match[1]), bytes.fromhex(match[2]))


def _say(audit: Audit, *, compared: bool) -> None:
    times = f", {_time(audit.first_at)} to {_time(audit.last_at)}" if audit.first_at is not None else ""
    redacted = f", {audit.redacted} of them redacted" if audit.redacted else ""
    sys.stdout.write(f"{audit.head.number} records{times}{redacted}\n")
    if audit.older:
        sys.stdout.write(
            f"{audit.older} records of an older Andon, before the chain begins: nothing vouches for them\n"
        )
    if audit.waiting:
        sys.stdout.write(f"{audit.waiting} of them are still on their way to the journal\n")
    if not compared:
        sys.stdout.write("there is no outbox here to tell whether the newest are missing\n")
    if audit.head.number:
        sys.stdout.write(f"head {audit.head.number}:{audit.head.digest.hex()}\n")
    if (fault := audit.fault) is not None:
        place = f" (position {fault.position})" if fault.position else ""
        sys.stdout.write(f"BROKEN at record {fault.number}{place}: {fault.reason}\n")


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else isoformat(instant)


def _shown(audit: Audit) -> dict[str, object]:
    fault = audit.fault
    return {
        "records": audit.head.number,
        "head": audit.head.digest.hex() or None,
        "from": _time(audit.first_at),
        "to": _time(audit.last_at),
        "older": audit.older,
        "redacted": audit.redacted,
        "waiting": audit.waiting,
        "fault": None
        if fault is None
        else {"record": fault.number, "position": fault.position or None, "reason": fault.reason},
    }
