"""What `andon ingest` does: brings costs, policies and models into a running service, and says how it went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from api.app import now, open_vocabulary
from api.remote import Remote
from api.settings import Settings
from api.sources import Sent, charge, crawl_registry, govern
from graph.errors import InvalidInput, NotFound
from graph.model import Instant, parse_instant
from ingest import focus

_SHOWN = 20  # of each kind of things that are listed


def bring_focus(settings: Settings, url: str, file: str, keys: Sequence[str], at: str | None) -> int:
    """Bring in an export in FOCUS; returns 1 if some of its rows were refused."""
    path = Path(file)
    if not path.is_file():
        raise NotFound(f"there is no file {file!r}")
    when = _instant(at) if at is not None else Instant(min(path.stat().st_mtime_ns // 1_000, now()))
    with Remote(url, settings.api_key) as remote:
        sent, tally, reader = charge(remote, path, open_vocabulary(settings).ontology, keys, when)
    _say_charges(tally)
    _say_sent(sent)
    _complain([str(fault) for fault in reader.faults])
    if reader.refused:
        _complain([f"{reader.refused} rows could not be read and were left out"])
    return 1 if reader.refused else 0


def bring_policies(settings: Settings, url: str, folder: str, namespace: str) -> int:
    """Bring in a folder of policies, and withdraw those of its namespace that are no longer in it."""
    with Remote(url, settings.api_key) as remote:
        sent, found = govern(remote, Path(folder), open_vocabulary(settings).ontology, namespace, now())
    _say(f"{found.policies} policies, {len(sent.gone)} policies and rules withdrawn")
    _say_sent(sent)
    _complain(found.idle)
    return 0


def bring_mlflow(
    settings: Settings, url: str, tracking_uri: str, registry_uri: str | None, namespace: str | None
) -> int:
    """Bring in a model registry, and withdraw what the last crawl listed and this one does not see."""
    with Remote(url, settings.api_key) as remote:
        sent, seen = crawl_registry(remote, tracking_uri, registry_uri, namespace, now())
    _say(f"{seen.models} models with {seen.versions} versions, {len(sent.gone)} withdrawn")
    _say_sent(sent)
    _complain([f"no data asset is meant by the dataset {dataset!r}" for dataset in sorted(seen.unmapped)])
    if seen.lost_runs:
        _complain([f"{seen.lost_runs} runs are no longer there"])
    return 0


def _say_charges(tally: focus.Tally) -> None:
    rules = ", ".join(f"{count} by {rule}" for rule, count in sorted(tally.by_rule.items()) if rule)
    _say(f"{tally.charges} charges: {rules or 'none joined'}, {tally.by_rule.get('', 0)} unmatched")
    listed = sorted(tally.unmatched.items(), key=lambda it: (-it[1], it[0]))
    for (resource, currency), amount in listed[:_SHOWN]:
        _say(f"  unmatched: {resource}\t{amount} {currency}")
    if len(listed) > _SHOWN or tally.others:
        _say(f"  and {len(listed) - _SHOWN} other resources" + (" and more" if tally.others else ""))


def _say_sent(sent: Sent) -> None:
    known = f", {sent.known} of them known already" if sent.known else ""
    _say(f"sent {sent.documents} documents{known}, up to position {sent.position}")


def _instant(text: str) -> Instant:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(str(error), field="--at") from None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        sys.stderr.write(line + "\n")
    if len(lines) > _SHOWN:
        sys.stderr.write(f"and {len(lines) - _SHOWN} more\n")
