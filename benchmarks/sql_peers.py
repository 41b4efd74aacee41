"""Andon and other open SQL lineage parsers on the same records: `python -m benchmarks.sql_peers --data DIR`.

DIR holds `*.jsonl` of statements with their expected lineage (benchmarks/sql_scores.py says in what form); the
procedures of `tests/sql/procedures` come on top. Each peer is installed by pip, in the version named here, into an
environment of its own that is kept for the next time, and is asked by benchmarks/sql_adapters.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import sql_adapters
from benchmarks.report import Section
from benchmarks.sql_scores import Answer, Record, Score, Tally, by_source, read_procedures, read_records

REPOSITORY = Path(__file__).parents[1]
_ADAPTERS = Path(sql_adapters.__file__)
_FIGURES = ("answered", "tables exact / F1", "columns exact / F1")


@dataclass(frozen=True, slots=True)
class Peer:
    """`own`: how the sources begin that are the peer's own suites (of a fork: its parent's)."""

    title: str
    packages: tuple[str, ...]
    own: str = "-"

    @property
    def environment(self) -> str:
        return self.packages[0].replace("[", "-").replace("]", "").replace("==", "-")


PEERS: Mapping[str, Peer] = {
    # what DataHub's own sources of procedures add to its parser
    "datahub": Peer("DataHub 1.7.0.17", ("acryl-datahub[sql-parser]==1.7.0.17", "sqlparse==0.6.1"), "datahub"),
    "openlineage": Peer("openlineage-sql 1.54.0", ("openlineage-sql==1.54.0",), "openlineage"),
    "sqllineage": Peer("sqllineage 1.5.9 (sqlfluff)", ("sqllineage==1.5.9",), "sqllineage"),
    "sqllineage_sqlparse": Peer("sqllineage 1.5.9 (sqlparse)", ("sqllineage==1.5.9",), "sqllineage"),
    "collate": Peer("collate-sqllineage 2.1.8 (sqlglot)", ("collate-sqllineage==2.1.8",), "sqllineage"),
    "sqlglot": Peer("plain sqlglot.lineage 30.30.0", ("sqlglot==30.30.0",)),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What one parser answered, in the order of the records: None where it gave no answer."""

    title: str
    own: str
    answers: Sequence[Answer | None]
    seconds: float


def main() -> int:
    options = _options()
    records = [record for path in sorted(options.data.glob("*.jsonl")) for record in read_records(path)]
    if not records:
        sys.exit(f"no records in {options.data}/*.jsonl")
    upstream = {
        found["id"]: found.get("upstream_dialect", "")
        for path in options.data.glob("*.jsonl")
        for found in map(json.loads, path.read_text().splitlines())
    }
    procedures = read_procedures(options.procedures)
    statements = [_asked(record, record.source, upstream[record.id]) for record in records]
    scripts = [_asked(record, "procedures", record.dialect) for record in procedures]
    names = options.only.split(",") if options.only else list(PEERS)
    told: list[tuple[Told, Told]] = []
    if not options.peers_alone:
        print("Andon ...", file=sys.stderr, flush=True)
        told.append((andon(records), andon(procedures)))
    for name in names:
        print(f"{PEERS[name].title} ...", file=sys.stderr, flush=True)
        python = installed(PEERS[name], options.environments)
        told.append(
            (peer(name, python, statements, options.seconds), peer(name, python, scripts, options.seconds)),
        )
    of_statements, of_scripts = ([both[part] for both in told] for part in (0, 1))
    for section in (
        *of_corpus(f"{len(records)} records of other projects' suites", records, of_statements),
        of_procedures(f"{len(procedures) // 2} procedures, by both conventions", procedures, of_scripts),
    ):
        print(f"{section.text()}\n", flush=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sql_peers", description="Compares Andon's SQL lineage with that of other parsers."
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder of *.jsonl records")
    parser.add_argument(
        "--procedures", type=Path, metavar="DIR", default=REPOSITORY / "tests" / "sql" / "procedures", help="*/*.yaml"
    )
    parser.add_argument("--only", metavar="PEERS", help=f"of {','.join(PEERS)}")
    parser.add_argument("--peers-alone", action="store_true", help="do not ask Andon")
    parser.add_argument("--seconds", type=float, default=20.0, help="a peer's time limit for a record (20)")
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        default=Path(tempfile.gettempdir()) / "andon-sql-peers",
        help="where the peers are installed and stay (a temporary folder)",
    )
    options = parser.parse_args()
    if unknown := [name for name in (options.only or "").split(",") if name and name not in PEERS]:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return options


def installed(peer: Peer, environments: Path) -> Path:
    """The Python of the peer's environment, which is made if it is not there."""
    folder = environments / peer.environment
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages]
        subprocess.run(command, check=True)
        done.touch()
    return python


def _asked(record: Record, corpus: str, upstream_dialect: str) -> dict[str, Any]:
    """A record as the adapters read it, which are not told what is expected."""
    return {
        "corpus": corpus,
        "sql": record.sql,
        "dialect": record.dialect,
        "upstream_dialect": upstream_dialect,
        "schemas": record.schemas,
        "default_db": record.default_db,
        "default_schema": record.default_schema,
        "convention": record.convention,
    }


def peer(name: str, python: Path, asked: Sequence[Mapping[str, Any]], seconds: float) -> Told:
    """A record on which the peer's process dies has no answer, and the next ones are asked of another process."""
    found: list[dict[str, Any]] = []
    while len(found) < len(asked):
        # -P, since the adapters' folder has modules named like the standard library's
        command = [str(python), "-P", str(_ADAPTERS), name, str(seconds)]
        lines = "".join(json.dumps(record) + "\n" for record in asked[len(found) :])
        run = subprocess.run(command, input=lines, capture_output=True, text=True)
        found += map(json.loads, run.stdout.splitlines())
        if len(found) < len(asked):
            told = run.stderr.strip().splitlines() or [""]
            print(f"died on record {len(found)}: status {run.returncode}, {told[-1]}", file=sys.stderr)
            found.append({"error": "died", "seconds": 0.0})
    answers = [None if "error" in it else Answer(it["inputs"], it["outputs"], it["edges"]) for it in found]
    return Told(PEERS[name].title, PEERS[name].own, answers, sum(it["seconds"] for it in found))


def andon(records: Sequence[Record]) -> Told:
    from benchmarks.sql_answer import answer  # here, so that the peers can be measured alone

    answers: list[Answer | None] = []
    answer(records[0])  # imports are not what is timed
    start = time.process_time()
    for record in records:
        try:
            answers.append(answer(record))
        except Exception as error:
            print(f"{record.id}: {type(error).__name__}: {error}", file=sys.stderr)
            answers.append(None)
    return Told("Andon", "-", answers, time.process_time() - start)


def scores(records: Sequence[Record], told: Told) -> dict[str, Score]:
    answers = {record.id: answer for record, answer in zip(records, told.answers, strict=True)}
    return by_source(records, lambda record: answers[record.id])


def of_corpus(title: str, records: Sequence[Record], told: Iterable[Told]) -> list[Section]:
    """All records; then without each parser's own suite; then F1 and exact matches a source."""
    sources = list(dict.fromkeys(record.source for record in records))
    all_of_them = Section("peers", title, ("parser", *_FIGURES, "statements/s"))
    others = Section("others", "The same without the parser's own suite", ("parser", "records", *_FIGURES))
    tables = Section("tables", "Tables a source, exact / F1", ("parser", *sources))
    columns = Section("columns", "Columns a source, exact / F1", ("parser", *sources))
    for one in told:
        found = scores(records, one)
        overall = found["overall"]
        all_of_them.add(one.title, *_figures(overall), len(records) / one.seconds)
        left = Score()
        for source, score in found.items():
            if source != "overall" and not source.startswith(one.own):
                left.add(score)
        others.add(one.title, left.records, *_figures(left))
        tables.add(one.title, *(_figures(found[source])[1] for source in sources))
        columns.add(one.title, *(_figures(found[source])[2] for source in sources))
    all_of_them.notes.append("per cent; exact: of records, F1: over all tables or columns of all records")
    all_of_them.notes.append("answered: without an exception and in time, if only in part; not: understood")
    all_of_them.notes.append("sqllineage and its fork name no columns of a bare SELECT, which others' suites ask for")
    all_of_them.notes.append("statements/s: records a second of CPU time")
    return [all_of_them, others, tables, columns]


def of_procedures(title: str, records: Sequence[Record], told: Iterable[Told]) -> Section:
    dialects = list(dict.fromkeys(record.source for record in records))
    headings = ("parser", *_FIGURES, *(f"{dialect}, tables / columns F1" for dialect in dialects))
    section = Section("procedures", title, headings)
    for one in told:
        found = scores(records, one)
        each = [f"{100 * found[it].tables.f1:.0f} / {100 * found[it].columns.f1:.0f}" for it in dialects]
        section.add(one.title, *_figures(found["overall"]), *each)
    section.notes.append("Andon's own suite: its figures here are of cases that it was developed with")
    return section


def _figures(score: Score) -> tuple[str, str, str]:
    """Under `_FIGURES`, in per cent."""
    answered = 100 * score.answered / score.records if score.records else 0.0
    return f"{answered:.1f}", _pair(score.tables), _pair(score.columns)


def _pair(tally: Tally) -> str:
    return f"{100 * tally.exactly:.1f} / {100 * tally.f1:.1f}" if tally.asserted else "-"


if __name__ == "__main__":
    sys.exit(main())
