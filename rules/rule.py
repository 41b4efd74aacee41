"""What a rule is: frozen values, complete and checked once they exist.

`reading` makes them from YAML; everything after that works with these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from graph.errors import InvalidInput

RUN_CHANGES = ("run.started", "run.completed", "run.failed", "run.aborted")
"""The changes (`graph.model.Change.what`) a rule can be `on`."""

DEFAULT_MAX_AGE = timedelta(hours=24)
DEFAULT_DEPTH = 20

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}")


class MissingReference(InvalidInput):
    """A `${NAME}` for which no value was handed in at start-up."""

    def __init__(self, name: str) -> None:
        super().__init__(f"${{{name}}} has no value; set {name} before Andon starts")
        self.name = name


@dataclass(frozen=True, slots=True)
class Template:
    """Text with `${NAME}` references to values that must never be stored or shown.

    Only this text is kept; `resolve` is called at the moment of use.
    """

    text: str

    def __post_init__(self) -> None:
        if "${" in _REFERENCE.sub("", self.text):
            raise InvalidInput("a reference is written ${NAME}: letters, digits and _, not starting with a digit")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_REFERENCE.findall(self.text))

    @property
    def is_reference(self) -> bool:
        """True if all of the text is one reference, so that nothing of the value stands in the open."""
        return _REFERENCE.fullmatch(self.text) is not None

    def resolve(self, references: Mapping[str, str]) -> str:
        """The text with values in place (which are not searched again); raises `MissingReference`."""
        for name in self.names:
            if name not in references:
                raise MissingReference(name)
        return _REFERENCE.sub(lambda match: references[match.group(1)], self.text)


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST a CloudEvent of `event_type` to `url`; signed if `secret`, which is always a bare reference."""

    url: Template
    event_type: str
    secret: Template | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Pull the cord on what is hit; `owner` is who is to end it, None for the entity's first owner, or the rule."""

    cause: str
    policy: str = "block"
    owner: str | None = None


Action = Webhook | Stop


@dataclass(frozen=True, slots=True)
class Downstream:
    """Everything of class `type` at most `depth` dataset hops below; `types` is it and its subclasses.

    With depth 0 it is the run's outputs alone.
    """

    type: str
    types: frozenset[str]
    depth: int = DEFAULT_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of one rule; `digest` (hex) is of its content, whatever its comments and layout."""

    name: str
    version: int
    description: str
    change: str
    targets: Downstream
    actions: tuple[Action, ...]
    max_age: timedelta = DEFAULT_MAX_AGE
    digest: str

    @property
    def version_id(self) -> str:
        """`3+9f86d081884c7d65`: an edit without a new version number is another version all the same."""
        return f"{self.version}+{self.digest[:16]}"
