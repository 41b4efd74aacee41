"""Runs dynamic SQL, as far as its text can be folded from constants and variables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence

from sqlglot import exp

from ingest.sql.reading.flow import add_all
from ingest.sql.reading.parse import Parser
from ingest.sql.reading.relations import Column
from ingest.sql.result import Place
from ingest.sql.script import split
from ingest.sql.script.nodes import Execute, Leaf, Node, Tokens
from ingest.sql.script.tokens import place
from ingest.sql.session.environment import Bound
from ingest.sql.session.folding import UNKNOWN
from ingest.sql.session.state import Value
from ingest.sql.session.values import ValueRunner

_MAX_DYNAMIC = 6  # deep


class DynamicRunner(ValueRunner):
    """EXECUTE IMMEDIATE, sp_executesql, prepared statements."""

    def _execute(self, node: Execute) -> None:
        columns = self._dynamic_columns(node.text, node.using, node.tokens or node.text)
        if columns is None:
            return
        if node.into:
            self._set(node.into, columns)
        if node.insert:
            self._insert_result(node.insert, columns, node.tokens or node.insert)

    def _dynamic_columns(self, text: Tokens, using: Sequence[Tokens], tokens: Tokens) -> list[Column] | None:
        """Runs the SQL texts that an expression can have; the columns of what they answer."""
        parsed = self.parser.expression(text)
        known = self.state.variable("".join(token.text for token in text).lower())
        texts: list[str] = sorted(known.texts) if known is not None else []
        if not texts and parsed is not None:
            folder = self._folder()
            texts = folder.fold(parsed)
        whole = [it for it in texts if it.strip() and not it.lstrip().startswith(UNKNOWN)]
        if not whole or len(self._dynamic) >= _MAX_DYNAMIC:
            self._condition(text)  # the text's own query is read, whatever it makes
            self._note(tokens, "dynamic SQL whose text can't be known")
            return None
        values: list[Value] = []
        named: dict[str, Value] = {}
        given_back: dict[str, str] = {}
        for item in using:
            name, value_tokens = named_argument(item)
            if value_tokens and value_tokens[-1].text.upper() in ("OUTPUT", "OUT"):  # sp_executesql
                value_tokens = value_tokens[:-1]
                given_back["@" + name] = "".join(token.text for token in value_tokens).lower()
            value = self._value_of(value_tokens)
            values.append(value)
            if name:
                named[name] = value
        self.state.frames.append({name: Value() for name in given_back})
        columns: list[Column] | None = None
        for one in whole:
            found = self._run_text(one, tokens, Bound(list(values), named))
            if found is None:
                continue
            if columns is None:
                columns = found
            else:
                for mine, theirs in zip(columns, found, strict=False):
                    add_all(mine.sources, theirs.sources)
        inner = self.state.frames.pop()
        for name, outer in given_back.items():
            self.state.assign(outer, inner.get(name, Value()))
        return columns

    def _run_text(self, text: str, tokens: Tokens, frame: Bound) -> list[Column] | None:
        nodes = split(text, self.dialect)
        outer_parser, outer_path, outer_place = self.parser, self._path, self._outer_place
        if self._outer_place is None:
            line, column = place(tokens[0])
            self._outer_place = (Place(line, column), tokens[0].start)
        self._path = (*self._path, tokens[0].start, text)
        self.parser = Parser(text, self.dialect)
        frame.base = len(self.state.frames) - 1  # the values given by name
        self._dynamic.append(frame)
        self._results.append([])
        is_known = False
        try:
            is_known = UNKNOWN not in text or not self._unknown_name(nodes)
            if is_known:
                self._nodes(nodes)
        finally:
            self.parser, self._path, self._outer_place = outer_parser, outer_path, outer_place
            self._dynamic.pop()
            results = self._results.pop()
        if not is_known:
            self._note(tokens, "dynamic SQL with a table whose name can't be known")
            return None
        return results[0] if results else None

    def _unknown_name(self, nodes: Sequence[Node]) -> bool:
        """Whether an unknown piece stands where a table is named, or holds more than a value."""
        for node in nodes:
            if not isinstance(node, Leaf):
                continue
            parsed = self.parser.statement(node.tokens, lambda name: True, True)
            if parsed.node is None or not parsed.whole:
                return True
            if isinstance(parsed.node, exp.Command):
                return True
            for table in parsed.node.find_all(exp.Table):
                if UNKNOWN in table.sql():
                    return True
            for part in parsed.node.find_all(exp.Identifier):
                column = part.parent
                if part.name.startswith(UNKNOWN) and (
                    not isinstance(column, exp.Column) or isinstance(column.parent, exp.Select)
                ):
                    return True
        return False

    @abstractmethod
    def _nodes(self, nodes: Iterable[Node]) -> None:
        """Runs a piece of a script."""

    @abstractmethod
    def _insert_result(self, head: Tokens, columns: list[Column], tokens: Tokens) -> None:
        """INSERT INTO t (a, b) in front of what answers with `columns`."""


def named_argument(tokens: Tokens) -> tuple[str, Tokens]:
    """`@x = 1`, `x => 1`, `1 AS x` -> (name, value)."""
    texts = [token.text for token in tokens]
    for mark in ("=>", ":="):
        if mark in texts[:3]:
            at = texts.index(mark)
            return "".join(texts[:at]).lower().lstrip("@"), tokens[at + 1 :]
    if "=" in texts[:3] and texts[0] == "@":
        at = texts.index("=")
        return "".join(texts[:at]).lower().lstrip("@"), tokens[at + 1 :]
    if len(texts) > 2 and texts[-2].upper() == "AS":
        return texts[-1].lower(), tokens[:-2]
    return "", tokens
