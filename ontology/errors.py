"""What can go wrong when an ontology is read: one error, `OntologyError`, for bad Turtle and for bad sense
alike.

A file that is not there raises the built-in `FileNotFoundError`; asking a loaded ontology for a name it does
not have raises the built-in `KeyError`.
"""

from __future__ import annotations


class OntologyError(ValueError):
    """An ontology file cannot be used; raised by `ontology.load`.

    `file` is the path as given, `line` counts from 1 and is where the fault stands (for a fault of sense: the
    line of the property that is wrong, or of the subject that lacks one), `reason` says what was expected and
    what was found.
    """

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason
