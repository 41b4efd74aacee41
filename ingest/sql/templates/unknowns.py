"""What a template asks for and nobody knows (a macro of a package, a run's date), and what SQL puts in its place.

While a template runs, an `Unknown` prints as a mark; `settle` then looks where each mark came to stand and writes
what keeps the SQL readable there: a name where SQL needs a name (a table, an alias), a query where it needs a query,
`null` where it needs a value (so that no column is made up), nothing where nothing is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jinja2.runtime import Undefined

from ingest.sql.templates.manifest import Relation

OPEN, CLOSE = "\x04", "\x05"
LINE_OPEN, LINE_CLOSE = "\x02", "\x03"
_CLEAN = dict.fromkeys(map(ord, OPEN + CLOSE + LINE_OPEN + LINE_CLOSE), " ")

# Probes of jinja2 and of its sandbox, which take any answer for a yes.
_PROBES = frozenset({"jinja_pass_arg", "unsafe_callable", "alters_data", "contextfunction"})
_TABLE = frozenset(
    "FROM JOIN INTO UPDATE TABLE VIEW USING MERGE OVERWRITE SCHEMA DATABASE TRUNCATE DESCRIBE USE".split()
)
_SETS = frozenset({"UNION", "EXCEPT", "INTERSECT", "MINUS"})
_COUNT = frozenset({"LIMIT", "OFFSET", "TOP", "FETCH", "FIRST", "NEXT"})
_VALUE = frozenset(
    "SELECT DISTINCT ALL WHERE AND OR NOT ON HAVING QUALIFY BY WHEN THEN ELSE CASE IN LIKE ILIKE RLIKE BETWEEN IS SET"
    " VALUES RETURN INTERVAL FILTER ANY SOME DATE TIMESTAMP DEFAULT DIV MOD ESCAPE RANGE TO".split()
)
_CLAUSE = frozenset("SELECT FROM WHERE GROUP ORDER HAVING ON SET VALUES QUALIFY LIMIT WINDOW INTO WITH USING".split())
_TYPED = frozenset({"CAST", "TRY_CAST", "SAFE_CAST", "CONVERT"})
_PARTS_OF_DATES = frozenset("second minute hour day week month quarter year millisecond microsecond isoweek".split())


class Guess(NamedTuple):
    """What is not known: the names that lead to it (`dbt_utils`, `star`) and what it was called with."""

    path: tuple[str, ...]
    arguments: tuple[Any, ...] | None

    @property
    def word(self) -> str:
        """A name for it that is one word."""
        word = "_".join(self.path).translate(_CLEAN)
        word = "".join(character if character.isalnum() or character == "_" else "_" for character in word)[:100]
        return word if word[:1].isalpha() or word[:1] == "_" else f"_{word}"

    @property
    def relations(self) -> list[Relation]:
        items: list[Any] = list(self.arguments or ())
        for item in items:
            if isinstance(item, list | tuple) and len(items) < 1000:
                items.extend(item)
        return [item for item in items if isinstance(item, Relation)]

    @property
    def query(self) -> str:
        return " union all ".join(f"select * from {item}" for item in self.relations) or "select null"

    @property
    def value(self) -> str:
        """A call of the macro as if it were a function, when it is given columns by name; else null."""
        columns = [item for item in self.arguments or () if isinstance(item, str) and not isinstance(item, Relation)]
        columns = [item for item in columns if is_column(item) and item.lower() not in _PARTS_OF_DATES]
        return f"{self.word}({', '.join(columns)})" if columns else "null"


def is_column(text: str) -> bool:
    """Is this text a column's name, with or without its table's?"""
    return len(text) < 300 and all(part.isidentifier() for part in text.split("."))


class Guesses:
    """The unknowns of one template, in the order in which they were printed; `decided` counts the questions (is it
    true, equal, empty?) that were answered without knowing."""

    def __init__(self) -> None:
        self.printed: list[Guess] = []
        self.decided = 0

    def mark(self, guess: Guess) -> str:
        self.printed.append(guess)
        return f"{OPEN}{len(self.printed) - 1}{CLOSE}"

    def type(self) -> type[Unknown]:
        """The type of unknown values that report here."""
        return type("Unknown", (Unknown,), {"_guesses": self})


class Unknown(Undefined):
    """A value of which only the name is known. It can be called, looked into and looped over (once); a question about
    it is answered with yes, so that the first branch of an `if` is taken."""

    _guesses: Guesses
    _arguments: tuple[Any, ...] | None = None
    _path: tuple[str, ...] = ()

    def __init__(self, hint: str | None = None, obj: Any = None, name: Any = None, exc: Any = None) -> None:
        super().__init__(hint, obj, name)
        self._path = (str(name),) if name is not None else ("unknown",)

    def _next(self, *path: str, arguments: tuple[Any, ...] | None = None) -> Unknown:
        other = type(self)()
        other._path, other._arguments = (self._path + path)[:20], arguments
        return other

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__" or name in _PROBES:
            raise AttributeError(name)
        return self._next(name)

    def __getitem__(self, key: Any) -> Unknown:  # type: ignore[override]
        return self._next(str(key)) if isinstance(key, str) else self._next()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        caller = kwargs.pop("caller", None)
        if caller is not None:  # {% call wrapper() %}...{% endcall %}
            return caller()
        return self._next(arguments=(*args, *kwargs.values()))

    def __str__(self) -> str:
        return self._guesses.mark(Guess(self._path, self._arguments))

    __repr__ = __str__

    def _ask(self, *_: Any) -> bool:
        self._guesses.decided += 1
        return True

    def _same(self, *_: Any) -> Unknown:
        return self

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _ask  # type: ignore[assignment]
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _same  # type: ignore[assignment]
    __pow__ = __rpow__ = __neg__ = __pos__ = _same  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __len__(self) -> int:
        self._ask()
        return 1

    def __iter__(self) -> Iterator[Any]:
        self._ask()
        yield (self._next("key"), self._next("value")) if self._path[-1] == "items" else self._next()


def clean(text: str) -> str:
    """The text with one kind of line end and without the characters that marks are made of."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEAN)


def settle(text: str, guesses: list[Guess], told: Callable[[int, Guess, str], None]) -> str:
    """The text with SQL in the place of each mark; `told` hears the line, the unknown and what was written."""
    return _Settling(text, guesses, told).run() if OPEN in text else text


class _Level(NamedTuple):
    """An open parenthesis: the two words before it, and the clause that it stands in."""

    opener: tuple[str, str]
    clause: str


class _Settling:
    """One walk over the SQL: strings and comments are passed over, words and signs remembered as far as needed."""

    def __init__(self, text: str, guesses: list[Guess], told: Callable[[int, Guess, str], None]) -> None:
        self.text, self.guesses, self.told = text, guesses, told
        self.done: list[str] = []
        self.line, self.counted = 1, 0
        self.before = ("", "")  # the last two words or signs, upper case
        self.clause, self.levels = "", [_Level(("", ""), "")]
        self.first = ""

    def run(self) -> str:
        at, text = 0, self.text
        while at < len(text):
            character = text[at]
            if character in "'\"`":
                end = self._after(character, at + 1)
                at = self._pass(at, end, word="'")
            elif text.startswith("--", at):
                at = self._pass(at, self._after("\n", at))
            elif text.startswith("/*", at):
                at = self._pass(at, self._after("*/", at + 2))
            elif character == OPEN or _in_word(character):
                at = self._word(at)
            else:
                self._sign(character)
                self.done.append(character)
                at += 1
        return "".join(self.done)

    def _after(self, end: str, start: int) -> int:
        found = self.text.find(end, start)
        return len(self.text) if found < 0 else found + len(end)

    def _pass(self, start: int, end: int, word: str = "") -> int:
        """Copy a string or a comment; an unknown in it becomes its name."""
        self.done.append(self._named(start, end))
        if word:
            self._remember(word)
        return end

    def _named(self, start: int, end: int) -> str:
        parts = self.text[start:end].split(OPEN)
        at = start + len(parts[0])
        for index, part in enumerate(parts[1:], 1):
            number, _, rest = part.partition(CLOSE)
            guess = self.guesses[int(number)]
            self._tell(at, guess, guess.word)
            parts[index] = guess.word + rest
            at += 1 + len(part)
        return "".join(parts)

    def _word(self, start: int) -> int:
        end, text = start, self.text
        while end < len(text) and (text[end] == OPEN or _in_word(text[end])):
            end = text.index(CLOSE, end) + 1 if text[end] == OPEN else end + 1
        if text[start] == OPEN and text.find(CLOSE, start) == end - 1:
            guess = self.guesses[int(text[start + 1 : end - 1])]
            written = self._choose(guess, end)
            self._tell(start, guess, written)
            if written:
                self._remember(")" if written.endswith(")") else "X")
        else:
            written = self._named(start, end)
            self._remember(written.upper())
        self.done.append(written)
        return end

    def _remember(self, word: str) -> None:
        self.before = (self.before[1], word)
        self.first = self.first or word
        if word in _CLAUSE:
            self.clause = word

    def _sign(self, sign: str) -> None:
        if sign.isspace():
            return
        if sign == "(":
            self.levels.append(_Level(self.before, self.clause))
            self.clause = ""
        elif sign == ")" and len(self.levels) > 1:
            self.clause = self.levels.pop().clause
        self.before = (self.before[1], sign)
        if sign == ";":
            self.before, self.clause, self.first, self.levels = ("", ""), "", "", self.levels[:1]

    def _choose(self, guess: Guess, end: int) -> str:
        earlier, last = self.before
        opener = self.levels[-1].opener
        following = self.text[end : end + 1]
        if last == "" and self.first == "":
            rest = self.text[end : end + 2000].lstrip()
            return guess.query if guess.relations and (not rest or rest[0] == ";") else ""
        if last == "AS" and self.first == "CREATE" and len(self.levels) == 1:
            return guess.query
        if last == ":" or (last == "AS" and opener[1] in _TYPED):
            return "varchar"
        if following in ("(", ".") or last in (".", "AS"):
            return guess.word
        if last in _TABLE or (last == "," and self.clause == "FROM"):
            return f"({guess.query})" if guess.relations and last in ("FROM", "JOIN", "USING", ",") else guess.word
        if last in _SETS or (last in ("ALL", "DISTINCT") and earlier in _SETS):
            return guess.query
        if last == "(":
            return self._choose_within(guess, *opener)
        if last == ")" and self.first == self.clause == "WITH":
            return guess.query
        if last in _COUNT:
            return "1"
        if last in _VALUE or not (_in_word(last[:1]) or last in (")", "]", "'", "X")):
            return guess.value
        return ""

    def _choose_within(self, guess: Guess, earlier: str, opener: str) -> str:
        if opener in ("AS", "FROM", "JOIN", "EXISTS", "MATERIALIZED") or (opener == "," and self._outer == "FROM"):
            return guess.query
        if opener in ("USING", "OVER") or self._outer == "INTO" or earlier in ("INTO", "TABLE", "OVERWRITE", "VIEW"):
            return guess.word
        return guess.value

    @property
    def _outer(self) -> str:
        return self.levels[-1].clause

    def _tell(self, at: int, guess: Guess, written: str) -> None:
        self.line += self.text.count("\n", self.counted, at)
        self.counted = at
        self.told(self.line, guess, written)


def _in_word(character: str) -> bool:
    return character.isalnum() or character in ("_", "$", "@", "#") if character else False
