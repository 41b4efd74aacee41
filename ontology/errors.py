"""What can go wrong when an ontology is read: one error, `OntologyError`, for bad Turtle and for bad sense
alike.

A file that is not there raises the built-in `FileNotFoundError`; asking a loaded ontology for a name it does
not have raises the built-in `KeyError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class OntologyError(ValueError):
    """An ontology cannot be used; raised by `ontology.load`.

    `file` is the path as given, `line` counts from 1 and is where the fault stands (for a fault of sense: the
    line of the property that is wrong, or of the subject that lacks one), `reason` says what was expected and
    what was found. `others` are the faults that were found besides.
    """

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason
        self.others: tuple[OntologyError, ...] = ()


class Faults:
    """Collects faults, so that one reading can tell all of them."""

    def __init__(self) -> None:
        self._found: list[OntologyError] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is raised inside is kept for later."""
        try:
            yield
        except OntologyError as error:
            self._found += [error, *error.others]

    def raise_if_any(self) -> None:
        """Raise the first fault, with the others in it."""
        if self._found:
            first, *rest = self._found
            first.others = tuple(rest)
            raise first
