"""Makes docs/questions.md: each question with both queries and its answers. The same data make the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from urllib.parse import unquote

from examples.questions.question import NOW, PRESENT, Instant, Question, Row, Rows

PAGE = "docs/questions.md"
_SHOWN = 12  # rows of a longer answer
_DIFFERENCES = 3  # rows that came or went, of more than that only how many


def page(questions: Sequence[Question], instants: Sequence[Instant]) -> str:
    parts = [_head(questions, instants)]
    for asker, asked in groupby(questions, key=lambda it: it.asker):
        parts.append(f"\n## {asker}\n")
        parts += [_section(it, instants) for it in asked]
    return "".join(parts)


def _head(questions: Sequence[Question], instants: Sequence[Instant]) -> str:
    moments = "".join(f"| {it.name} | {it.words} | {_as_of(it)} |\n" for it in instants)
    ends = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"""\
# {len(questions)} questions

What people ask of an estate, in GraphQL and in SPARQL, with what the demo estate answers. Both languages read one graph
by one mapping, so they must agree: `tests/rdf/test_questions.py` asks each question in both, over HTTP, now and as of
{len(instants) - 1} past instants, and holds the answers against these. `python -m examples.questions page` makes this
page of `examples/questions/`; change those.

The answers are those of the demo estate as it stood on a certain Monday. In a new folder of data,

```console
$ .venv/bin/andon serve --data questions-data --port 8099
$ .venv/bin/python -m examples.shop.load --url http://127.0.0.1:8099 --now {ends}
$ .venv/bin/python -m examples.questions ask --url http://127.0.0.1:8099
```

asks all of them and tells where an answer is another. `andon demo` has the same estate, with today's dates.

| | | as of |
|---|---|---|
{moments}
Below an answer stands what it is at those instants where it differs from the present's. `$asOf` is what the last column
says, which `/sparql` takes as parameters ([RDF](rdf.md#as-of-then)); prefixes are those of [RDF](rdf.md#questions).
"""


def _as_of(instant: Instant) -> str:
    return f"`{json.dumps(instant.as_of)}`" if instant.as_of else ""


def _section(question: Question, instants: Sequence[Instant]) -> str:
    past = [it.name for it in instants if it.name in question.answers and it.name != PRESENT]
    told = "".join(f"{_differing(it, question.answer(PRESENT), question.answer(it))}\n" for it in past)
    told += "\n" if told else ""
    variables = ""
    if question.variables:
        variables = f"```json\n{json.dumps(question.variables, indent=2)}\n```\n\n"
    return f"""
### {question.question}

{_table(question, question.answer(PRESENT))}
{told}<details><summary><code>{question.id}</code> in GraphQL and in SPARQL</summary>

```graphql
{question.graphql.strip()}
```

{variables}```sparql
{question.sparql.strip()}
```

</details>
"""


def _table(question: Question, rows: Rows) -> str:
    listed = in_order(rows)
    lines = [f"| {' | '.join(question.columns)} |", f"|{'---|' * len(question.columns)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in listed[:_SHOWN]]
    more = f"\nand {len(listed) - _SHOWN} more.\n" if len(listed) > _SHOWN else ""
    return "\n".join(lines) + "\n" + more


def _differing(instant: str, now: Rows, then: Rows) -> str:
    """One item: how many rows, or which ones came and went."""
    if not then:
        return f"- {instant}: nothing"
    gone, besides = in_order(now - then), in_order(then - now)
    if len(gone) > _DIFFERENCES or len(besides) > _DIFFERENCES:
        parts = [f"{len(gone)} of {len(now)} rows are missing"] if gone else []
        parts += [f"{len(besides)} others are there"] if besides else []
        return f"- {instant}: {', '.join(parts)}"
    parts = [f"without {_rows(gone)}"] if gone else []
    parts += [f"with {_rows(besides)}"] if besides else []
    return f"- {instant}: {', '.join(parts)}"


def _rows(rows: Sequence[Row]) -> str:
    return "; ".join(" · ".join(_cell(it) for it in row if it) for row in rows)


def in_order(rows: Rows) -> list[Row]:
    """Numbers by their value."""
    return sorted(rows, key=lambda row: [(0, float(it), "") if it.isdecimal() else (1, 0.0, it) for it in row])


def _cell(text: str) -> str:
    shown = unquote(text) if text.startswith("urn:") else text
    return shown.replace("|", "\\|")
