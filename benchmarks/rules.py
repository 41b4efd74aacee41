"""Rules: how soon they decide under a steady load, and what they cost the events that come in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.estate import Estate
from benchmarks.events import Mix, Size
from benchmarks.http import Connection
from benchmarks.load import LINEAGE, send_mix
from benchmarks.report import Section, percentile
from benchmarks.service import Andon
from benchmarks.workbench import Workbench
from graph.sqlite_journal import SqliteJournalFile
from rules.rule import CHANGES

RULES = 1_000
CHANGES_A_SECOND = 500
_CLIENTS = 8
_BATCH = 1_000

_CONDITIONS = (
    "'never-{number}' in after.tags",
    "has(after.attributes.tier) && after.attributes.tier == 'never-{number}'",
    "after.name == 'never-{number}'",
)
_DECIDES = """\
rule: measured
version: 1
on: {change: run.completed}
when: "change.position % 10 < 2"
do: [tag: {key: measured}]
"""


def measure(bench: Workbench) -> Section:
    section = Section(
        "rules",
        f"Rules, a twelfth of them on each kind of change, with a condition each; {CHANGES_A_SECOND} changes/s",
        ("datasets", "rules", "decided ms p50", "p99", "firings", "changes/s", "events/s as fast as taken"),
    )
    for datasets in bench.datasets:
        for rules in (0, RULES):
            data = bench.copy(datasets)
            folder = bench.folder / f"rules-{datasets}-{rules}"
            _write(folder, rules)
            with Andon(data, "--rules", str(folder)) as andon:
                andon.wait_ready()
                sent, began = asyncio.run(_send(andon.url, datasets, bench.seconds(20, 8))), time.monotonic()
                andon.wait_projected(120)
                _wait_decided(data, began + 60)
                waits = list(_waits(data))
                fast = send_mix([andon.url], datasets, Size.LARGE, _CLIENTS, bench.seconds(15, 5), 7)
                andon.wait_projected(300)
            section.add(
                datasets,
                rules,
                percentile(waits, 0.5) if waits else None,
                percentile(waits, 0.99) if waits else None,
                len(waits),
                sent,
                fast.accepted / fast.seconds,
            )
            bench.discard(data)
    section.notes += [
        "decided: from the receipt of a change's event to that of the decision's record, both as the journal has them;"
        " one COMPLETE in five sets off the rule that is measured, which tags the job, beside the others",
    ]
    return section


def _write(folder: Path, rules: int) -> None:
    folder.mkdir()
    for number in range(1, rules):  # and one that decides
        change = CHANGES[number % len(CHANGES)]
        condition = _CONDITIONS[number % len(_CONDITIONS)].format(number=number)
        (folder / f"r{number:04}.yaml").write_text(
            f'rule: r-{number}\nversion: 1\non: {{change: {change}}}\nwhen: "{condition}"\ndo: [tag: {{key: x}}]\n'
        )
    if rules:
        (folder / "measured.yaml").write_text(_DECIDES)


async def _send(url: str, datasets: int, seconds: float) -> float:
    """Send runs so that there are so many changes a second; answers how many there were."""
    connection = await Connection.open(url)
    runs = iter(Mix(Estate.of(datasets).jobs, Size.LARGE, seed=5))
    begun = time.monotonic()
    changes = 0.0
    while time.monotonic() < begun + seconds:
        run = next(runs)
        for body in (run.start(), run.complete()):
            await connection.post(LINEAGE, body)
        changes += _CHANGES_A_RUN
        await asyncio.sleep(max(0.0, begun + changes / CHANGES_A_SECOND - time.monotonic()))
    took = time.monotonic() - begun
    connection.close()
    return changes / took


_CHANGES_A_RUN = 2.0
"""At least: that it started and that it completed; one in ten, of a new job, makes some dozens."""


def _wait_decided(data: Path, until: float) -> None:
    """Until the journal gets no more records."""
    last = -1
    with closing(SqliteJournalFile(data / "journal.db")) as journal:
        while time.monotonic() < until and journal.last_position() != last:
            last = journal.last_position()
            time.sleep(1.5)


def _waits(data: Path) -> Iterator[float]:
    """Milliseconds between each decision and its change."""
    with closing(SqliteJournalFile(data / "journal.db")) as journal:
        received: dict[int, int] = {}
        after = 0
        while block := journal.read(after, _BATCH):
            after = block[-1].position
            for it in block:
                received[it.position] = it.received_at
                if it.kind == "action" and it.body is not None:
                    said = msgspec.json.decode(it.body)
                    if said["about"] == "decision":
                        yield (it.received_at - received[max(said["evidence"])]) / 1_000
