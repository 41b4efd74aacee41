"""The block tree of a SQL script: what `script.split` answers with.

Every node keeps the tokens it was made of. `tokens` of a statement are all of its own, without the end mark; `tokens`
of a container (Branch, Loop, Block, Routine) are its header and then its other words of structure (THEN, END, labels),
not those of the statements in it. Positions are those of the whole script. Names
are lower case and without quotes, with `@` where written.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot.tokenizer_core import Token

Tokens = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One statement for sqlglot's parser (see `tokens.for_parser`), or one that only controls or reports."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, constant, table variable, cursor or parameter.

    `type` of a table variable is TABLE (...). `query` is a cursor's or RESULTSET's SELECT, `text` the expression of
    the SQL text that it runs instead. A cursor over another variable (`c CURSOR FOR res`) has that in `default`.
    """

    name: str
    type: Tokens = ()
    default: Tokens = ()
    query: Tokens = ()
    text: Tokens = ()
    parameters: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class Declare:
    variables: tuple[Variable, ...]
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Assign:
    """`value` is an expression or a query (maybe in parentheses); a record's field `a.b` is the target "a.b".

    `text`: the value is what the SQL text of this expression answers (`res := (EXECUTE IMMEDIATE e)`). PREPARE s FROM
    e assigns the text e to s. `operator` is "+" for `x += 1`, and so on.
    """

    targets: tuple[str, ...]
    value: Tokens
    text: Tokens = ()
    operator: str = ""
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Open:
    """OPEN c, with its arguments or USING; FOR a query, or FOR the `text` of one (an expression)."""

    cursor: str
    query: Tokens = ()
    text: Tokens = ()
    using: tuple[Tokens, ...] = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    cursor: str
    into: tuple[str, ...]
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Execute:
    """Runs the SQL text that the expression `text` has; `insert` is the INSERT INTO t (a, b) in front of T-SQL's EXEC.

    EXECUTE s of a prepared statement has the statement's name as `text` (an Assign gave it its text).
    """

    text: Tokens
    into: tuple[str, ...] = ()
    using: tuple[Tokens, ...] = ()
    insert: Tokens = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Call:
    """CALL p(a), EXEC p @x = 1, PERFORM f(x), or p(x) alone. An argument by name keeps the name's tokens."""

    name: tuple[str, ...]
    arguments: tuple[Tokens, ...] = ()
    insert: Tokens = ()
    into: tuple[str, ...] = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Return:
    """A value, a query (`query` True), the result of a dynamic `text`, or a row (RETURN NEXT, PIPE ROW)."""

    value: Tokens = ()
    query: bool = False
    text: Tokens = ()
    using: tuple[Tokens, ...] = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """`action`: BEGIN, COMMIT, ROLLBACK or SAVEPOINT; `savepoint`: also T-SQL's transaction name."""

    action: str
    savepoint: str = ""
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """One way through an IF or a CASE statement; `condition` () is ELSE. CASE x WHEN 1 has the condition x = 1."""

    condition: Tokens
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    arms: tuple[Arm, ...]
    exhaustive: bool
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """WHILE, LOOP, REPEAT, FOR, FORALL. A FOR has its `variables` (`variable` is the first) and one of `query`
    (a SELECT), `cursor` (the name of a cursor, result set or variable; its arguments are `using`), `text` (dynamic
    SQL) or `condition` (the bounds, or the array of FOREACH)."""

    body: tuple[Node, ...]
    condition: Tokens = ()
    variable: str = ""
    variables: tuple[str, ...] = ()
    query: Tokens = ()
    cursor: str = ""
    text: Tokens = ()
    using: tuple[Tokens, ...] = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Block:
    """BEGIN .. EXCEPTION .. END, TRY .. CATCH; declarations come first in `body`. `handlers`: the bodies of WHEN ..
    THEN, of CATCH and of DECLARE .. HANDLER FOR."""

    body: tuple[Node, ...]
    handlers: tuple[tuple[Node, ...], ...] = ()
    atomic: bool = False
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Routine:
    """CREATE PROCEDURE/FUNCTION/TRIGGER, a local or package routine, an anonymous block (`name` ()).

    `kind`: PROCEDURE, FUNCTION, TRIGGER, BLOCK, PACKAGE (its members are Routines in `body`, named package.member),
    TASK or EVENT. `language` lower case ("sql" where not said); a body in a language other than SQL is empty, and its
    text stays in `tokens`. `returns`: the columns of RETURNS TABLE; `returns_variable`: @t of RETURNS @t TABLE.
    `table`: a trigger's.
    """

    kind: str
    name: tuple[str, ...]
    parameters: tuple[Variable, ...]
    body: Block
    place: Token
    language: str = "sql"
    returns: tuple[str, ...] = ()
    returns_variable: str = ""
    table: tuple[str, ...] = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Unsplit:
    """Text that was not understood as structure; `place` is its line and column, from 1."""

    tokens: Tokens
    reason: str
    place: tuple[int, int]


Node = (
    Leaf
    | Declare
    | Assign
    | Open
    | Fetch
    | Execute
    | Call
    | Return
    | Transaction
    | Branch
    | Loop
    | Block
    | Routine
    | Unsplit
)
