"""Statements that sqlglot keeps as opaque text, read from their tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.reading.effects import Created
from ingest.sql.reading.parse import Parser
from ingest.sql.reading.relations import STAR, Column, Scope, derived
from ingest.sql.reading.statement import EVERY_COLUMN, EffectsReader
from ingest.sql.result import Access, Category, Property, Table
from ingest.sql.script.nodes import Tokens
from ingest.sql.script.tokens import QUOTED, index, unwrap

Nested = Callable[[Tokens], None]  # reads a statement inside the statement

_OTHER = frozenset(
    "SET USE SHOW DESCRIBE DESC ANALYZE ANALYSE VACUUM PRINT RAISE RAISERROR THROW EXPLAIN PRAGMA LIST LS HELP ADD "
    "REFRESH UNCACHE CLEAR RESET DISCARD KILL LOCK UNLOCK CHECKPOINT NOTIFY LISTEN PURGE FLUSH OPTIMIZE ZORDER REORG "
    "COLLECT DBCC EXIT LEAVE ITERATE CONTINUE BREAK CLOSE DEALLOCATE NULL GOTO SIGNAL RESIGNAL GET PUT REMOVE RM "
    "ASSERT MSCK REPAIR INSTALL LOAD ATTACH DETACH WAITFOR RECONFIGURE CHANGE QUIT SUSPEND RESUME BACKUP RESTORE "
    "ABORT REINDEX VALIDATE UNDROP CLUSTER SYSTEM CHECKSUM HANDLER INVALIDATE COMPUTE FSCK CONVERT GENERATE "
    "FLASHBACK AUDIT NOAUDIT EXISTS CHECK RECOMPRESS TYPE SUBTYPE PROCEDURE FUNCTION".split()
)


def rewrite(tokens: Tokens, dialect: str) -> Tokens:
    """The same statement in words that sqlglot knows."""
    head = tokens[0].text.upper()
    second = tokens[1].text.upper() if len(tokens) > 1 else ""
    if head == "REPLACE" and second == "INTO":
        return (_word(tokens[0], TokenType.INSERT, "INSERT"), *tokens[1:])
    if head == "TABLE" and len(tokens) > 1:
        return (*_select_star(tokens[0]), *tokens[1:])
    if head == "INSERT":
        tokens = _insert(tokens)
    if head == "UPDATE":
        while len(tokens) > 1 and tokens[1].text.upper() in ("IGNORE", "LOW_PRIORITY"):
            tokens = (tokens[0], *tokens[2:])
        tokens = _compound(tokens, dialect)
    elif head == "SELECT" and dialect in ("tsql", "fabric"):
        tokens = _compound(tokens, dialect)
    if any(token.text.upper() == "JSON_TABLE" for token in tokens):
        tokens = _plain_json_table(tokens)
    if head == "CREATE":
        tokens = _plain_view(tokens)
    if head == "DELETE" and second not in ("FROM", "TOP") and len(tokens) > 1:
        words = index(list(tokens)).words
        where = words.index("WHERE") if "WHERE" in words else len(words)
        if "FROM" not in words[:where]:  # DELETE t WHERE ...
            return (tokens[0], _word(tokens[0], TokenType.FROM, "FROM"), *tokens[1:])
    if head == "CREATE" and any(token.text.upper() in ("LOCAL", "VDS") for token in tokens[1:5]):
        tokens = tuple(
            _word(token, TokenType.VIEW, "VIEW") if token.text.upper() == "VDS" else token
            for at, token in enumerate(tokens)
            if not (at < 5 and token.text.upper() == "LOCAL")
        )
    if head == "COPY":
        words = [token.text.upper() for token in tokens]
        at = next((i for i in range(1, len(words)) if words[i - 1 : i + 1] == ["FROM", "LOCAL"]), 0)
        tokens = (*tokens[:at], *tokens[at + 1 :]) if at else tokens
    if head == "LOCKING":
        for at, token in enumerate(tokens):
            if token.text.upper() in ("SELECT", "SEL", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH"):
                return tokens[at:]
    if head == "DELETE" and second == "FROM" and len(tokens) > 2 and tokens[2].text.upper() == "TABLE":
        return (*tokens[:2], *tokens[3:])
    if head == "CREATE":
        for at, token in enumerate(tokens[:-1]):
            if token.text.upper() == "DEEP" and tokens[at + 1].text.upper() == "CLONE":
                return (*tokens[:at], *tokens[at + 1 :])
    if dialect in ("tsql", "fabric") and head in ("DELETE", "UPDATE", "INSERT", "MERGE") and second == "TOP":
        at = 2  # DELETE TOP (100) FROM t
        while at < len(tokens) and tokens[at].text != ")":
            at += 1
        at += 1
        if at < len(tokens) and tokens[at].text.upper() == "PERCENT":
            at += 1
        return (tokens[0], *tokens[at:])
    if (
        head == "ALTER"
        and second in ("VIEW", "MATERIALIZED")
        and any(token.text.upper() == "AS" for token in tokens[2:9])
    ):
        return (_word(tokens[0], TokenType.CREATE, "CREATE"), *tokens[1:])
    if dialect in ("tsql", "fabric"):
        tokens = _without_openrowset(tokens)
    if head == "MERGE" and [token.text.upper() for token in tokens[1:4]] == ["WITH", "SCHEMA", "EVOLUTION"]:
        tokens = (tokens[0], *tokens[4:])
    if head == "MERGE" and dialect == "oracle":
        return _without_delete_where(tokens)
    if head in ("UPDATE", "DELETE") and len(tokens) > 4:
        for at in range(2, len(tokens) - 2):
            if tokens[at].text.upper() == "CURRENT" and tokens[at + 1].text.upper() == "OF":
                return tokens[: at - 1]  # WHERE CURRENT OF c: the row under the cursor
    return tokens


def _without_openrowset(tokens: Tokens) -> Tokens:
    """T-SQL's OPENROWSET(BULK 'path', ...) is a table by the path's name."""
    for at in range(len(tokens) - 4):
        if tokens[at].text.upper() == "OPENROWSET" and tokens[at + 2].text.upper() == "BULK":
            end = at + 1
            depth = 0
            while end < len(tokens):
                depth += (tokens[end].text == "(") - (tokens[end].text == ")")
                end += 1
                if depth == 0:
                    break
            path = _word(tokens[at + 3], TokenType.IDENTIFIER, tokens[at + 3].text)
            if end < len(tokens) and tokens[end].text.upper() == "WITH":  # the columns, which the SELECT names anyway
                depth, end = 0, end + 1
                while end < len(tokens):
                    depth += (tokens[end].text == "(") - (tokens[end].text == ")")
                    end += 1
                    if depth == 0:
                        break
            return _without_openrowset((*tokens[:at], path, *tokens[end:]))
    return tokens


def _without_delete_where(tokens: Tokens) -> Tokens:
    """Oracle's WHEN MATCHED THEN UPDATE SET ... DELETE WHERE ...: rows that go leave nothing behind."""
    words = index(list(tokens)).words
    depth = 0
    for at, word in enumerate(words[:-1]):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "DELETE" and words[at + 1] == "WHERE":
            end, inside = at, 0
            while end < len(words) and not (inside == 0 and words[end] == "WHEN"):
                inside += (words[end] == "(") - (words[end] == ")")
                end += 1
            return (*tokens[:at], *tokens[end:])
    return tokens


def _compound(tokens: Tokens, dialect: str) -> Tokens:
    """T-SQL's `a += b` is `a = a + b`."""
    if dialect not in ("tsql", "fabric"):
        return tokens
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        sign = tokens[at]
        equals = tokens[at + 1] if result and at + 1 < len(tokens) else None
        if sign.text in ("+", "-", "*", "/", "%") and equals and equals.text == "=" and sign.end + 1 == equals.start:
            start = len(result) - 1
            while start > 0 and (result[start - 1].text in (".", "@") or result[start].text == "."):
                start -= 1
            result += (equals, *result[start:], sign)
            at += 2
        else:
            result.append(sign)
            at += 1
    return tuple(result)


def _plain_json_table(tokens: Tokens) -> Tokens:
    """JSON_TABLE without EXISTS, and without what stands for a missing value."""
    words = [token.text.upper() for token in tokens]
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        if words[at] == "EXISTS" and words[at + 1 : at + 2] == ["PATH"]:
            at += 1
        elif words[at] in ("DEFAULT", "NULL", "ERROR"):
            on = at + 2 if words[at] == "DEFAULT" else at + 1
            if words[on : on + 1] == ["ON"] and words[on + 1 : on + 2] in (["EMPTY"], ["ERROR"]):
                at = on + 2
                continue
        result.append(tokens[at])
        at += 1
    return tuple(result)


def _plain_view(tokens: Tokens) -> Tokens:
    """CREATE VIEW without MySQL's ALGORITHM, DEFINER and SQL SECURITY, and without WITH CHECK OPTION; CREATE TABLE t
    AS TABLE u as a query."""
    words = [token.text.upper() for token in tokens]
    for at in range(len(words) - 2, 2, -1):
        if words[at : at + 2] == ["AS", "TABLE"]:
            return (*tokens[: at + 1], *_select_star(tokens[at]), *tokens[at + 2 :])
    if "VIEW" not in words[:24]:
        return tokens
    if words[-2:] == ["CHECK", "OPTION"]:
        end = len(words) - 2
        while end and words[end] != "WITH":
            end -= 1
        tokens, words = tokens[:end], words[:end]
    view = words.index("VIEW")
    if {"ALGORITHM", "DEFINER", "SECURITY"} & set(words[:view]):
        head = 3 if words[1:3] == ["OR", "REPLACE"] else 1
        tokens = (*tokens[:head], *tokens[view:])
    return tokens


def _select_star(like: Token) -> Tokens:
    return (
        _word(like, TokenType.SELECT, "SELECT"),
        _word(like, TokenType.STAR, "*"),
        _word(like, TokenType.FROM, "FROM"),
    )


def _insert(tokens: Tokens) -> Tokens:
    """INSERT ... TABLE t; INSERT OVERWRITE DIRECTORY with clauses; INSERT INTO IDENTIFIER(x)."""
    words = index(list(tokens)).words
    if "DIRECTORY" in words[:4]:
        body = next((at for at, word in enumerate(words) if word in ("SELECT", "WITH", "TABLE", "VALUES", "FROM")), -1)
        paths = [token for token in tokens[: max(body, 0)] if token.token_type is TokenType.STRING]
        for at, token in enumerate(tokens[: max(body, 0)]):
            if token.token_type is TokenType.STRING and token.text.lower() == "path" and at + 1 < body:
                following = [it for it in tokens[at + 1 : body] if it.token_type is TokenType.STRING]
                paths = following[:1] or paths
        if body > 0 and paths:
            into = _word(tokens[1], TokenType.INTO, "INTO")
            return (tokens[0], into, _word(paths[0], TokenType.IDENTIFIER, paths[0].text), *tokens[body:])
    for at in range(3, len(words)):
        if words[at] == "TABLE" and words[at - 1] not in ("INTO", "OVERWRITE", ".") and "SELECT" not in words[:at]:
            return (*tokens[:at], *_select_star(tokens[at]), *tokens[at + 1 :])
    return tokens


def _word(like: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, like.line, like.col, like.start, like.end)


def read(tokens: Tokens, parser: Parser, reader: EffectsReader, nested: Nested) -> bool:
    """Reads the statement if it is one of these; False leaves it to sqlglot."""
    head = tokens[0].text.upper()
    handler = _COMMANDS.get(head)
    if handler is None:
        return False
    found = index(list(tokens))
    return handler(_Command(tokens, found.words, parser, reader, nested))


class _Command:
    """A statement's tokens with what is needed to read them."""

    def __init__(
        self, tokens: Tokens, words: Sequence[str], parser: Parser, reader: EffectsReader, nested: Nested
    ) -> None:
        self.tokens, self.words, self.parser, self.reader, self.nested = tokens, words, parser, reader, nested
        self.effects = reader.effects

    def at(self, *words: str, start: int = 0) -> int:
        """Where these words stand one after the other, outside parentheses; -1."""
        depth = 0
        for at in range(start, len(self.words) - len(words) + 1):
            if self.words[at] == "(":
                depth += 1
            elif self.words[at] == ")":
                depth -= 1
            if depth <= 0 and tuple(self.words[at : at + len(words)]) == words:
                return at
        return -1

    def name(self, start: int) -> tuple[Table | None, int]:
        """The table named from `start` on, and where the name ends."""
        end = start
        while end < len(self.tokens):
            text = self.tokens[end].text
            if text == ".":
                end += 1
                continue
            if end > start and self.tokens[end - 1].text not in (".", "#", "@"):
                break
            end += 1
        if end == start:
            return None, end
        node = self.parser.table(self.tokens[start:end])
        return (self.reader.environment.table(node) if node is not None else None), end

    def path(self, start: int) -> Table | None:
        """The first literal from `start` on, as a place."""
        for token in self.tokens[start:]:
            if token.token_type in (TokenType.STRING, TokenType.RAW_STRING):
                return self.reader.environment.table(exp.Literal.string(token.text))
        return None

    def done(self, kind: str, category: Category) -> bool:
        self.effects.kind, self.effects.category = kind, category
        return True


def _skip(command: _Command, at: int) -> int:
    """Past IF [NOT] EXISTS."""
    while at < len(command.words) and command.words[at] in ("IF", "NOT", "EXISTS", "ONLY", "LOCAL", "TABLE"):
        at += 1
    return at


def _unload(command: _Command) -> bool:
    """UNLOAD ('SELECT ...') TO 's3://...'"""
    to = command.at("TO")
    target = command.path(to) if to > 0 else None
    query = next((it for it in command.tokens if it.token_type in QUOTED), None)
    if target is None:
        return False
    if query is not None and query.start < command.tokens[to].start:
        inner = tuple(unwrap(command.parser.sql, query, command.parser.dialect).tokens)
        node = command.parser.expression(inner)
    else:
        node = command.parser.expression(command.tokens[1:to])
    while isinstance(node, (exp.Paren, exp.Subquery)):
        node = node.this
    if isinstance(node, exp.Query):
        command.effects.write(target, command.reader.reader.query(node))
    command.effects.outputs.setdefault(target)
    return command.done("UNLOAD", Category.DML)


def _rename(command: _Command) -> bool:
    """RENAME TABLE a TO b, c TO d (MySQL, Exasol, Teradata)."""
    at = _skip(command, 1)
    found = False
    while at < len(command.tokens):
        old, at = command.name(at)
        if at >= len(command.words) or command.words[at] not in ("TO", "AS"):
            break
        new, at = command.name(at + 1)
        if old is None or new is None:
            break
        command.reader.rename(old, new)
        found = True
        at += 1
    return found


def _alter(command: _Command) -> bool:
    """The ALTER TABLEs that move rows: exchange, switch, attach, append."""
    words = command.words
    if len(words) < 4 or words[1] != "TABLE":
        if "MODIFY" in words and words[1] == "TASK" and (at := command.at("AS")) > 0:
            command.nested(command.tokens[at + 1 :])
            return command.done("ALTER TASK", Category.DDL)
        return False
    table, end = command.name(_skip(command, 2))
    if table is None:
        return False
    if (at := command.at("EXCHANGE", start=end)) == end:
        at = command.at("WITH", start=at)
        start = _skip(command, at + 1)
        other, _ = command.name(start)
        if at > 0 and other is not None:
            command.reader.exchange(table, other, "EXCHANGE PARTITION")
            return True
    if command.at("SWITCH", start=end) == end and (at := command.at("TO", start=end)) > 0:
        other, _ = command.name(at + 1)
        if other is not None:
            command.reader.exchange(other, table, "SWITCH PARTITION")
            return True
    if command.at("SWAP", "WITH", start=end) == end:
        other, _ = command.name(_skip(command, end + 2))
        if other is not None:
            command.reader.swap(table, other)
            return True
    if command.at("APPEND", "FROM", start=end) == end:
        other, _ = command.name(end + 2)
        if other is not None:
            command.reader.exchange(table, other, "APPEND")
            return True
    for verb in ("REPLACE", "ATTACH", "MOVE"):  # ClickHouse
        start = command.at(verb, "PARTITION", start=end)
        if start == end and (at := command.at("FROM", start=end)) > 0:
            other, _ = command.name(at + 1)
            if other is not None:
                command.reader.exchange(table, other, f"{verb} PARTITION")
                return True
    if command.at("RENAME", start=end) == end and end + 1 < len(words) and words[end + 1] in ("AS", "="):
        other, _ = command.name(end + 2)
        if other is not None:
            command.reader.rename(table, other)
            return True
    if command.at("MOVE", "PARTITION", start=end) == end and (at := command.at("TO", "TABLE", start=end)) > 0:
        other, _ = command.name(at + 2)
        if other is not None:
            command.reader.exchange(other, table, "MOVE PARTITION")
            return True
    if command.at("ATTACH", "PARTITION", start=end) == end:
        other, _ = command.name(end + 2)
        if other is not None:
            command.reader.exchange(table, other, "ATTACH PARTITION")
            return True
    if command.at("RENAME", "TO", start=end) == end:
        other, _ = command.name(end + 2)
        if other is not None:
            return False  # sqlglot knows it
    return False


def _altered(command: _Command) -> bool:
    """Any other ALTER TABLE that sqlglot doesn't read: its table is what it changes."""
    table, _ = command.name(_skip(command, 2))
    if len(command.words) > 2 and command.words[1] == "TABLE" and table is not None:
        command.effects.outputs.setdefault(table)
    return command.done(f"ALTER {command.words[1] if len(command.words) > 1 else ''}".strip(), Category.DDL)


def _create(command: _Command) -> bool:
    """CREATE STREAM, TASK, PIPE, EVENT, SYNONYM."""
    words = command.words
    at = 1
    while at < len(words) and words[at] in (
        "OR",
        "REPLACE",
        "ALTER",
        "PUBLIC",
        "TEMPORARY",
        "TEMP",
        "FORCE",
        "NONEDITIONABLE",
        "EDITIONABLE",
    ):
        at += 1
    kind = words[at] if at < len(words) else ""
    if kind not in ("STREAM", "TASK", "PIPE", "EVENT", "SYNONYM", "RULE", "ALERT", "FLOW"):
        return False
    name, end = command.name(_skip(command, at + 1))
    if kind == "STREAM":
        on = command.at("ON", start=end)
        source, _ = command.name(on + 2)
        if on > 0 and source is not None and name is not None:
            command.reader.whole_table(source, name)
        return command.done("CREATE STREAM", Category.DDL)
    if kind == "SYNONYM":
        for_ = command.at("FOR", start=end)
        source, _ = command.name(for_ + 1)
        if for_ > 0 and source is not None and name is not None:
            command.reader.whole_table(source, name)
        return command.done("CREATE SYNONYM", Category.DDL)
    body = command.at("DO" if kind in ("EVENT", "RULE") else "AS", start=end)
    if kind == "ALERT":
        body = command.at("THEN", start=end)
    if body > 0 and body + 1 < len(command.tokens):
        command.nested(command.tokens[body + 1 :])
    return command.done(f"CREATE {kind}", Category.DDL)


def _load(command: _Command) -> bool:
    """LOAD DATA [LOCAL] INFILE 'x' [REPLACE | IGNORE] INTO TABLE t (MySQL)."""
    if "INFILE" not in command.words:
        return False
    at = command.at("INTO", "TABLE")
    table, _ = command.name(at + 2)
    path = command.path(0)
    if at < 0 or table is None:
        return False
    if path is not None:
        command.effects.write(table, [])
        command.effects.inputs.setdefault(path)
    command.effects.outputs.setdefault(table)
    return command.done("LOAD", Category.DML)


def _bulk(command: _Command) -> bool:
    """BULK INSERT t FROM 'file' (T-SQL)."""
    at = command.at("FROM")
    table, _ = command.name(2)
    path = command.path(at) if at > 0 else None
    if table is None or path is None:
        return False
    command.effects.write(table, [Column(STAR, {(path, STAR): EVERY_COLUMN})])
    command.effects.inputs.setdefault(path)
    return command.done("BULK INSERT", Category.DML)


def _grant(command: _Command) -> bool:
    """GRANT and REVOKE that sqlglot keeps as text: ON ALL TABLES, OBJECT::t, roles."""
    words = command.words
    granted = words[0] == "GRANT"
    to = command.at("FROM" if words[0] == "REVOKE" else "TO")
    on = command.at("ON")
    if to < 0:
        return False
    end = on if 0 < on < to else to
    privileges = " ".join(it.text for it in command.tokens[1:end]).split(" , ")
    securable = ""
    if 0 < on < to:
        securable = command.parser.text(command.tokens[on + 1 : to]).lower().rpartition("::")[2]
    principals = []
    for token, word in zip(command.tokens[to + 1 :], words[to + 1 :], strict=False):
        if word == "WITH":
            break
        if token.text != "," and word not in ("ROLE", "USER", "GROUP", "SHARE"):
            principals.append(token.text)
    for principal in principals:
        for privilege in privileges:
            command.effects.access.append(Access(principal, privilege.strip().upper(), securable, granted))
    return command.done(words[0], Category.DCL)


def _apply(command: _Command) -> bool:
    """Databricks' APPLY CHANGES INTO t FROM STREAM(s)."""
    into, of = command.at("INTO"), command.at("FROM")
    if into < 0 or of < 0:
        return False
    target, _ = command.name(into + 1)
    start = of + 1
    while start < len(command.words) and command.words[start] in ("STREAM", "("):
        start += 1
    source, _ = command.name(start)
    if target is None or source is None:
        return False
    command.reader.whole_table(source, target)
    return command.done("APPLY CHANGES", Category.DML)


def _other(command: _Command) -> bool:
    if command.words[0] == "LOAD" and "INTO" in command.words:
        return _load(command)
    if command.words[0] == "PUT":
        return False
    return command.done(command.words[0], Category.OTHER)


def _made_of_query(command: _Command) -> bool:
    """CREATE ... AS SELECT with clauses before AS that sqlglot doesn't know: they say how the table is kept."""
    words, tokens = command.words, command.tokens
    body = next(
        (
            at
            for at in range(2, len(words) - 1)
            if words[at] == "AS" and words[at + 1] in ("SELECT", "WITH", "(", "VALUES", "TABLE", "SEL")
        ),
        -1,
    )
    kind = next((at for at, word in enumerate(words) if word in ("TABLE", "VIEW")), -1)
    if body < 0 or not 0 < kind < body:
        return False
    name_start = _skip(command, kind + 1)
    table, end = command.name(name_start)
    if table is None:
        return False
    if words[end] == "(":  # the view's column names
        depth = 0
        while end < body:
            depth += (words[end] == "(") - (words[end] == ")")
            end += 1
            if depth == 0:
                break
    kept = [token for token, word in zip(tokens[1:kind], words[1:kind], strict=True) if word in _KEPT]
    node = command.parser.parse((tokens[0], *kept, *tokens[kind:end], *tokens[body:]))
    if not isinstance(node, exp.Create):
        return False
    command.reader.handle(node, None)
    between = command.parser.text(tokens[end:body])
    if between:
        command.effects.properties.append(Property(table, "options", between[:500]))
    return True


_KEPT = frozenset({"TEMP", "TEMPORARY", "VOLATILE", "GLOBAL", "LOCAL", "OR", "REPLACE"})


def _type(command: _Command) -> bool:
    """CREATE TYPE and the like: no rows."""
    return command.done(" ".join(command.words[:2]), Category.DDL)


def _copied(command: _Command) -> bool:
    """CREATE SNAPSHOT TABLE a CLONE b ..., CREATE TABLE a SHALLOW CLONE b VERSION AS OF 1, CREATE TABLE a COPY b."""
    words = command.words
    kind = next((at for at, word in enumerate(words[:6]) if word == "TABLE"), -1)
    if kind < 0:
        return False
    table, end = command.name(_skip(command, kind + 1))
    at = end + 1 if end < len(words) and words[end] in ("SHALLOW", "DEEP") else end
    if table is None or at >= len(words) or words[at] not in ("CLONE", "COPY"):
        return False
    other, _ = command.name(at + 1)
    if other is None:
        return False
    command.reader.whole_table(other, table)
    columns = command.reader.environment.columns(other)
    command.effects.created.append(Created(table, dict(columns) if columns else None))
    return command.done("CREATE TABLE", Category.DDL)


def _get(command: _Command) -> bool:
    """Snowflake's GET @stage file; GET DIAGNOSTICS moves nothing."""
    if len(command.tokens) > 2 and command.tokens[1].text.startswith("@"):
        text = command.parser.text(command.tokens[1:]).split()
        if len(text) > 1:
            command.effects.inputs.setdefault(Table((text[0].lower(),)))
            command.effects.outputs.setdefault(Table((text[1].strip("'").lower(),)))
            return command.done("GET", Category.DML)
    return command.done("GET", Category.OTHER)


def _update(command: _Command) -> bool:
    """Oracle's UPDATE (SELECT ...) v SET v.a = v.b: an updatable join."""
    found = index(list(command.tokens))
    if len(found.words) < 4 or found.words[1] != "(" or found.close[1] < 0:
        return False
    close = found.close[1]
    set_ = command.at("SET", start=close)
    query = command.parser.expression(command.tokens[2:close])
    if set_ < 0 or not isinstance(query, exp.Query):
        return False
    alias = command.tokens[set_ - 1].text.lower() if set_ - 1 > close else ""
    scope = Scope()
    relation = derived(alias, command.reader.reader.query(query))
    scope.add(relation)
    where = command.at("WHERE", start=set_)
    end = where if where > 0 else len(command.tokens)
    for assignment in command.parser.expressions(command.tokens[set_ + 1 : end]):
        if isinstance(assignment, exp.EQ) and isinstance(assignment.this, exp.Column):
            target = relation.find(command.reader.names.lower(assignment.this.name)) or {}
            for table, column in target:
                if table is not None and len(target) == 1:
                    sources = command.reader.reader.value(assignment.expression, scope)
                    command.effects.write(table, [Column(column, sources)])
                    command.reader.reader.inputs.pop(table, None)
    return command.done("UPDATE", Category.DML)


def _created(command: _Command) -> bool:
    words = [word for word in command.words[1:8] if word not in ("OR", "REPLACE", "EDITIONABLE", "NONEDITIONABLE")]
    if _copied(command):
        return True
    if words and words[0] in _ROWLESS:
        return _type(command)
    return _made_of_query(command)


_ROWLESS = frozenset(
    "TYPE SEQUENCE ROLE USER SCHEMA DATABASE EXTENSION DOMAIN AGGREGATE OPERATOR CAST COLLATION SERVER PUBLICATION "
    "SUBSCRIPTION POLICY WAREHOUSE FUNCTION LIBRARY DIRECTORY TABLESPACE CATALOG CONNECTION SHARE INTEGRATION "
    "NETWORK SECRET TAG MASKING ROW FILE STATISTICS INDEX UNIQUE CLUSTERED NONCLUSTERED BITMAP FULLTEXT SPATIAL "
    "PACKAGE TRIGGER PARTITION LOGIN XML ASSEMBLY DEFAULT MODEL SEARCH CAPACITY RESERVATION ASSIGNMENT EXTERNAL "
    "STORAGE "
    "NOTIFICATION SECURITY API RESOURCE ROLLBACK CONTEXT PROFILE DICTIONARY PROCEDURE TEMPORARY TRANSFORM "
    "CONVERSION LANGUAGE ACCESS".split()
)


_COMMANDS: dict[str, Callable[[_Command], bool]] = {
    "UNLOAD": _unload,
    "RENAME": _rename,
    "ALTER": _alter,
    "CREATE": _create,
    "APPLY": _apply,
    "BULK": _bulk,
    "GET": _get,
    "UPDATE": _update,
    "DENY": _grant,
    "LOAD": _load,
    **dict.fromkeys(_OTHER - {"LOAD", "GET", "PUT", "UNDROP"}, _other),
}

_FALLBACKS: dict[str, Callable[[_Command], bool]] = {
    "DROP": _type,
    "ALTER": _altered,
    "CREATE": _created,
    "GRANT": _grant,
    "REVOKE": _grant,
}


def read_opaque(tokens: Tokens, parser: Parser, reader: EffectsReader, nested: Nested) -> bool:
    """What sqlglot answered with a Command for."""
    handler = _FALLBACKS.get(tokens[0].text.upper())
    if handler is None:
        return False
    return handler(_Command(tokens, index(list(tokens)).words, parser, reader, nested))
