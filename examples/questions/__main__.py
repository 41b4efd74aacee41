"""Makes the page of the questions, or asks a service all of them.

python -m examples.questions page [--check]
python -m examples.questions ask --url http://127.0.0.1:8080 [--record]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from examples.questions.asking import Service
from examples.questions.page import PAGE, in_order, page
from examples.questions.question import ANSWERS, PRESENT, Instant, Question, Rows, instants, questions
from graph.errors import AndonError

_HEAD = """\
# What the demo estate answers to questions.yaml, by instant: of the past only what differs from the present. Written by
# `python -m examples.questions ask --record`, where both languages agree.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 when all is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m examples.questions", description="Competency questions.")
    commands = parser.add_subparsers(dest="command", required=True)
    paging = commands.add_parser("page", help=f"write {PAGE}")
    paging.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    asking = commands.add_parser("ask", help="ask a service, and tell where an answer is not as recorded")
    asking.add_argument("--url", default="http://127.0.0.1:8080", help="where Andon listens (default: %(default)s)")
    asking.add_argument("--api-key", default="", help="a key with scope read, where the service asks for one")
    asking.add_argument("--record", action="store_true", help="write down its answers")
    given = parser.parse_args(arguments)
    if given.command == "page":
        return _page(is_checked=given.check)
    try:
        return _ask(Service(given.url, given.api_key), is_recorded=given.record)
    except AndonError as error:
        print(error, file=sys.stderr)
        return 1


def _page(*, is_checked: bool) -> int:
    path, text = Path(__file__).parents[2] / PAGE, page(questions(), instants())
    if is_checked:
        if path.is_file() and path.read_text("utf-8") == text:
            return 0
        print(f"{PAGE} is out of date: python -m examples.questions page writes it anew")
        return 1
    path.write_text(text, "utf-8")
    print(f"wrote {PAGE}")
    return 0


def _ask(service: Service, *, is_recorded: bool) -> int:
    position, faults = service.received(), 0
    answers: dict[str, dict[str, Rows]] = {}
    for question in questions():
        found = answers.setdefault(question.id, {})
        for instant in instants():
            rows, faulty = _both(service, question, instant, position)
            faults += faulty
            if instant.name == PRESENT or rows != found[PRESENT]:
                found[instant.name] = rows
            if not is_recorded and rows != (question.answer(instant.name) if question.answers else None):
                print(f"{question.id}, {instant.name}: another answer than recorded, {len(rows)} rows")
                faults += 1
    if is_recorded and not faults:
        ANSWERS.write_text(_recorded(answers), "utf-8")
        print(f"wrote {ANSWERS.name}")
    return 1 if faults else 0


def _both(service: Service, question: Question, instant: Instant, position: int) -> tuple[Rows, bool]:
    graphql, sparql = service.graphql(question, instant, position), service.sparql(question, instant, position)
    for language, alone in (("GraphQL", graphql - sparql), ("SPARQL", sparql - graphql)):
        if alone:
            print(f"{question.id}, {instant.name}: in {language} alone {in_order(alone)[:5]}")
    return graphql, graphql != sparql


def _recorded(answers: dict[str, dict[str, Rows]]) -> str:
    parts = [_HEAD]
    for id, by_instant in answers.items():
        parts.append(f"\n{id}:\n")
        for instant, rows in by_instant.items():
            parts.append(f"  {instant}:{'' if rows else ' []'}\n")
            parts += [f"    - {_flow(row)}\n" for row in in_order(rows)]
    return "".join(parts)


def _flow(row: Sequence[str]) -> str:
    return yaml.safe_dump(list(row), default_flow_style=True, allow_unicode=True, width=10**6).strip()


if __name__ == "__main__":
    raise SystemExit(main())
