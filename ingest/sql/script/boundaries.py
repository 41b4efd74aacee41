"""Where a statement without a semicolon ends: at the keyword that can only begin the next one."""

from __future__ import annotations

from ingest.sql.script.reader import Reader

_SET_OPERATORS = frozenset({"UNION", "ALL", "EXCEPT", "INTERSECT", "DISTINCT", "MINUS"})
_GRANTS = frozenset({"GRANT", "REVOKE", "DENY"})
_OBJECTS = frozenset(
    "TABLE VIEW PROC PROCEDURE FUNCTION TRIGGER INDEX SCHEMA DATABASE SYNONYM TYPE SEQUENCE USER LOGIN ROLE"
    " STATISTICS EXTERNAL OR UNIQUE CLUSTERED NONCLUSTERED COLUMNSTORE XML SPATIAL PARTITION FULLTEXT ASSEMBLY"
    " MATERIALIZED QUEUE SERVICE CERTIFICATE SYMMETRIC ASYMMETRIC MASTER AUTHORIZATION SERVER RULE DEFAULT"
    " AGGREGATE WORKLOAD SECURITY CREDENTIAL APPLICATION".split()
)
_NAMED = _OBJECTS | {"COLUMN", "CONSTRAINT", "POLICY"}  # DROP TABLE IF EXISTS
_BODIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"})
# Words that are always the beginning of a statement outside parentheses and CASE.
_ALWAYS = frozenset(
    "DECLARE PRINT RAISERROR USE RETURN WHILE BEGIN OPEN CLOSE DEALLOCATE BREAK CONTINUE GOTO WAITFOR"
    " BACKUP RESTORE KILL CHECKPOINT RECONFIGURE DBCC TRY CATCH".split()
)
_SOMETIMES = frozenset(
    "SELECT INSERT UPDATE DELETE MERGE WITH SET IF CREATE ALTER DROP EXEC EXECUTE FETCH THROW GRANT REVOKE DENY"
    " COMMIT ROLLBACK SAVE BULK TRUNCATE COPY RENAME".split()
)
_STARTERS = _ALWAYS | _SOMETIMES | {"UPDATE STATISTICS"}
_NOT_BEFORE = frozenset({",", "=", "+", "-", "*", "<", ">", "<>", "!=", "<=", ">=", "AND", "OR", "NOT", ".", "IN", "("})
_JOINS = frozenset({"INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS"})


class _State:
    """What the statement still waits for."""

    __slots__ = ("head", "body", "set", "granted")

    def __init__(self, head: str) -> None:
        self.head = head
        self.body = head in ("INSERT", "WITH")  # the SELECT, EXEC, VALUES, ... that it is about
        self.set = head == "UPDATE"
        self.granted = head not in _GRANTS  # has the TO of a GRANT come?


def statement_end(reader: Reader, start: int, head: str = "") -> int:
    """Where the T-SQL statement from `start` on ends. `head` "IF" reads a condition instead, "SET" an expression."""
    state = _State(head or reader.word_at(start))
    words, close = reader.words, reader.close
    case = 0
    at = start if head else start + 1
    previous = head or state.head
    while not reader.ended(at):
        word = words[at]
        if close[at] >= 0:
            at = close[at] + 1
            previous = ")"
            continue
        if word == "CASE":
            case += 1
        elif word == "END":
            if not case:
                return at
            case -= 1
        elif case:
            pass
        elif word == "ELSE":
            return at
        elif word in _STARTERS:
            if _starts(reader, at, word, previous, state) and (at > start or head == "IF"):
                return at
        elif word == "VALUES":
            state.body = False
        elif word == "TO" or (word == "FROM" and state.head == "REVOKE"):
            state.granted = True
        elif word == ":" and at > start + 1 and reader.first_on_line(at - 1) and not reader.first_on_line(at):
            if reader.tokens[at - 1].end + 1 == reader.tokens[at].start:
                return at - 1  # a label
        previous = word
        at += 1
    return at


def _starts(reader: Reader, at: int, word: str, previous: str, state: _State) -> bool:
    """Does a new statement begin with the word at `at`?"""
    after = reader.word_at(at + 1)
    if not state.granted or previous in _NOT_BEFORE or after == ".":
        return False
    if word in _ALWAYS:
        return previous != "AS"
    if word == "SELECT":
        if previous in _SET_OPERATORS or previous in ("AS", "FOR", "EXPLAIN"):
            return False
        if state.body:
            state.body = False
            return False
        return True
    if word in _BODIES:
        return _change_starts(word, previous, after, state)
    if word == "WITH":
        return _with_starts(reader, at, previous, state)
    if word == "SET":
        return _set_starts(previous, after, state)
    if word == "IF":
        return previous not in _NAMED
    if word in ("CREATE", "ALTER", "DROP"):
        return previous not in ("OR", "FOR", "AS") and (state.head != "ALTER" or after in _OBJECTS)
    if word in ("EXEC", "EXECUTE"):
        if state.body and state.head == "INSERT":
            state.body = False
            return False
        return previous not in ("WITH", "AS")
    if word == "FETCH":
        return previous not in ("ROW", "ROWS")
    if word == "THROW":
        return previous != "AS" and (reader.ended(at + 1) or after in ("", "@", "END"))
    if word in ("GRANT", "REVOKE", "DENY", "COMMIT", "ROLLBACK"):
        return previous not in ("WITH", "AS")
    if word == "SAVE":
        return after in ("TRAN", "TRANSACTION")
    needs = {"BULK": ("INSERT",), "TRUNCATE": ("TABLE",), "COPY": ("INTO",), "RENAME": ("OBJECT",)}.get(word)
    return needs is None or after in needs


def _change_starts(word: str, previous: str, after: str, state: _State) -> bool:
    """INSERT, UPDATE, DELETE, MERGE."""
    if state.body and state.head == "WITH":
        state.body = word == "INSERT"
        if word == "INSERT":
            state.head = "INSERT"
        state.set = word == "UPDATE"
        return False
    if previous in ("THEN", "ON", "FOR", "AFTER", "OF", "AS", "BULK"):
        return False
    if word == "MERGE":
        return after != "JOIN" and previous not in _JOINS
    return not (word == "UPDATE" and after == "(")  # IF UPDATE(column)


def _with_starts(reader: Reader, at: int, previous: str, state: _State) -> bool:
    if not is_cte(reader, at):
        return False
    if previous == "AS":
        state.body = True
        state.head = "WITH"
        return False
    return not state.body


def is_cte(reader: Reader, at: int) -> bool:
    """Is it WITH name [(columns)] AS (: not a table hint, an option or a view's attribute?"""
    if reader.word_at(at + 1) == "XMLNAMESPACES":
        return True
    if reader.word_at(at + 1) == "RECURSIVE":
        at += 1
    name, after = reader.name(at + 1)
    if not name:
        return False
    if reader.word_at(after) == "(" and reader.close[after] >= 0:
        after = reader.close[after] + 1
    return reader.word_at(after) == "AS" and reader.word_at(after + 1) in ("(", "MATERIALIZED", "NOT")


def _set_starts(previous: str, after: str, state: _State) -> bool:
    if state.set:
        state.set = False
        return False
    if previous in ("UPDATE", "DELETE", "CHARACTER"):
        return False
    if state.head == "ALTER" and after not in ("@", "NOCOUNT", "XACT_ABORT", "ANSI_NULLS", "QUOTED_IDENTIFIER"):
        return False
    return True


# Beginnings that even the dialects with semicolons let follow a forgotten one, at the start of a line.
_LINE_STARTS = {
    "CREATE": ("TABLE", "VIEW", "OR", "TEMPORARY", "TEMP", "INDEX", "SCHEMA", "DATABASE", "PROCEDURE", "FUNCTION"),
    "DROP": ("TABLE", "VIEW", "INDEX", "SCHEMA", "DATABASE", "PROCEDURE", "FUNCTION"),
    "TRUNCATE": ("TABLE",),
    "DELETE": ("FROM",),
    "INSERT": ("INTO",),
}
_NOT_BEFORE_LINE = frozenset({"AS", ",", "OR", "ON", "THEN", "FOR", "GRANT", "INSTEAD", "DO", "ALSO", "EXPLAIN"})
_LINE_HEADS = frozenset({"SELECT", "INSERT", "DELETE", "DROP", "TRUNCATE", "CREATE", "USE"})
_MULTI_INSERT = frozenset({"hive", "spark", "spark2", "databricks", "athena"})


def leaf_end(reader: Reader, start: int) -> int:
    """Where a statement ends: by the semicolon, and by an END or ELSE that closes what is around it."""
    if reader.tsql:
        return statement_end(reader, start)
    words, close = reader.words, reader.close
    head = reader.word_at(start)
    case = int(head == "CASE")
    body = head in ("INSERT", "WITH")
    at = reader.skip(start)
    while not reader.ended(at):
        word = words[at]
        if close[at] >= 0:
            at = close[at] + 1
            continue
        if word == "CASE":
            case += 1
        elif word == "END":
            if not case and reader.inside:
                return at
            case = max(0, case - 1)
        elif case:
            pass
        elif word == "ELSE":
            if reader.inside and head != "INSERT":
                return at
        elif word in ("SELECT", "VALUES") and body:
            body = False
        elif word in _LINE_STARTS and head in _LINE_HEADS and not body and reader.word_at(at + 1) in _LINE_STARTS[word]:
            if reader.first_on_line(at) and words[at - 1] not in _NOT_BEFORE_LINE:
                if word != "INSERT" or reader.dialect not in _MULTI_INSERT:
                    return at
        at += 1
    return at


def expression_end(reader: Reader, start: int) -> int:
    """Where the expression of a T-SQL statement (or, elsewhere, the statement) ends."""
    return statement_end(reader, start, "IF") if reader.tsql else leaf_end_from(reader, start)


def leaf_end_from(reader: Reader, start: int) -> int:
    """As leaf_end, for what does not begin with a statement's own word."""
    case = 0
    at = start
    while not reader.ended(at):
        word = reader.words[at]
        if word == "CASE":
            case += 1
        elif word == "END":
            if not case and reader.inside:
                return at
            case = max(0, case - 1)
        elif word == "ELSE" and not case and reader.inside:
            return at
        at = reader.skip(at)
    return at
