"""The tables of a statement that the grammar could not read, by the words in front of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.script.tokens import index

_READ_AFTER = frozenset({"FROM", "JOIN", "APPLY"})
_WRITE_AFTER = frozenset({"INTO", "UPDATE", "OVERWRITE", "MERGE", "TABLE", "VIEW"})
_NO_NAME = frozenset(
    "OUTFILE DUMPFILE DIRECTORY IDENTIFIER STREAM USING LOCAL CHANGES DEFINER CSV PARQUET KAFKA VERTICA "
    "SELECT VALUES SET WHERE ON AS LATERAL UNNEST TABLE FLATTEN FROM INTO JOIN ONLY IF NOT EXISTS DUAL".split()
)
_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})

Names = list[Sequence[Token]]


def tables_in(tokens: Sequence[Token]) -> tuple[set[str], Names, Names]:
    """CTE names, the names that are read, and those that are written (each as its tokens)."""
    found = index(list(tokens))
    words, close = found.words, found.close
    ctes: set[str] = set()
    reads: Names = []
    writes: Names = []
    head = words[0] if words else ""
    defines = head in ("CREATE", "ALTER", "DROP", "TRUNCATE", "INSERT")
    first_with = words.index("WITH") if "WITH" in words else len(words)
    at = 0
    while at < len(tokens):
        word = words[at]
        if word == "AS" and at + 1 < len(tokens) and words[at + 1] == "(" and at:
            if at + 2 < len(tokens) and words[at + 2] in ("SELECT", "WITH") and first_with < at:
                ctes.add(tokens[at - 1].text.lower())
        into: Names | None = None
        if (word in _READ_AFTER or (word == "USING" and head in ("MERGE", "DELETE"))) and not _is_call(
            words, close, at
        ):
            into = reads
        elif word in _WRITE_AFTER and (word not in ("TABLE", "VIEW") or (defines and at < 6)):
            into = writes
        if into is not None:
            at += 1
            while at < len(tokens) and words[at] in ("IF", "NOT", "EXISTS", "ONLY", "INTO", "TABLE"):
                at += 1
            name, at = _name(tokens, words, at)
            while name:
                into.append(name)
                if into is not reads or at >= len(tokens) or words[at] != ",":
                    break
                name, at = _name(tokens, words, at + 1)
            continue
        at += 1
    return ctes, reads, writes


def _is_call(words: Sequence[str], close: Sequence[int], at: int) -> bool:
    """FROM inside EXTRACT(YEAR FROM x), TRIM(BOTH ' ' FROM x), IS DISTINCT FROM."""
    if words[at] != "FROM":
        return False
    if at and words[at - 1] == "DISTINCT" and at > 1 and words[at - 2] in ("IS", "NOT"):
        return True
    for back in range(at - 1, max(-1, at - 12), -1):
        if words[back] == "(":
            return close[back] > at and back > 0 and words[back - 1] in ("EXTRACT", "TRIM", "SUBSTRING", "OVERLAY")
        if words[back] == "SELECT":
            return False
    return False


def _name(tokens: Sequence[Token], words: Sequence[str], at: int) -> tuple[Sequence[Token], int]:
    start = at
    while at < len(tokens):
        token = tokens[at]
        if token.text in (".", "#", "@"):
            at += 1
            continue
        named = token.token_type in _NAMES or (token.text[:1].isalpha() and words[at] not in _NO_NAME)
        if not named or (at > start and tokens[at - 1].text not in (".", "#", "@")):
            break
        at += 1
    if at < len(tokens) and words[at] == "(" and at > start and at + 1 < len(tokens):
        inside = words[at + 1]
        if inside not in ("SELECT", "WITH") and (start == 0 or words[start - 1] in ("FROM", "JOIN", "APPLY", ",")):
            return (), at  # a function
    return tokens[start:at], at
