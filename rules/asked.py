"""A rule's query, put once where something reads the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property

from rules.conditions import Values
from rules.rule import Query

MAX_KEPT = 65_536
"""Bytes of an answer that are kept with a firing."""


class Asked:
    """`data` of an expression: called, it is the answer to the query, None where there is no query."""

    def __init__(self, query: Query | None, values: Values, ask: Callable[[str, Mapping[str, object]], object]) -> None:
        self._query = query
        self._values = values
        self._ask = ask
        self._is_read = False

    def __call__(self) -> object:
        self._is_read = True
        return self._data

    @cached_property
    def _data(self) -> object:
        if self._query is None:
            return None
        return self._ask(self._query.text, {name: it.value(self._values) for name, it in self._query.variables.items()})

    @property
    def answer(self) -> bytes | None:
        """The answer as JSON, as far as it was read; None where it was not, or is too large to be kept."""
        if not self._is_read or self._query is None:
            return None
        said = json.dumps(self._data, separators=(",", ":"), sort_keys=True, default=str).encode()
        return said if len(said) <= MAX_KEPT else None
