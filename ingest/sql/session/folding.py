"""Which texts an expression can have: what dynamic SQL is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice, product

from sqlglot import exp

from ingest.sql.reading.names import parameter

UNKNOWN = "andon_unknown_"  # stands in a text for a piece that isn't known; a number follows
MAX_LENGTH = 1_000_000
_MAX = 16

Lookup = Callable[[str], frozenset[str]]  # the texts that a variable can have; empty: not known


class Folder:
    """Folds expressions; a piece that isn't known becomes a name, `pieces` tells which expression it stands for."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.pieces: dict[str, exp.Expr] = {}

    def fold(self, node: exp.Expr) -> list[str]:
        """The texts, at most 16; pieces that aren't known stand in them by name."""
        return list(islice(dict.fromkeys(self._fold(node)), _MAX))

    def _fold(self, node: exp.Expr) -> Iterable[str]:
        if isinstance(node, (exp.DPipe, exp.Add)) or (isinstance(node, exp.Concat)):
            return self._joined(_operands(node))
        if isinstance(node, (exp.Literal, exp.National, exp.RawString, exp.Heredoc, exp.UnicodeString)):
            return [node.name if not isinstance(node.this, exp.Expr) else node.this.name]
        if isinstance(node, (exp.Paren, exp.Cast, exp.TryCast, exp.Subquery, exp.Alias)):
            return self._fold(node.this)
        if isinstance(node, (exp.Trim, exp.Kwarg, exp.PropertyEQ)):
            return self._fold(node.this if isinstance(node, exp.Trim) else node.expression)
        if isinstance(node, exp.Lower):
            return [text.lower() for text in self.fold(node.this)]
        if isinstance(node, exp.Upper):
            return [text.upper() for text in self.fold(node.this)]
        if isinstance(node, exp.Coalesce):
            first = self.fold(node.this)
            return first if not any(UNKNOWN in text for text in first) else self._unknown(node)
        if isinstance(node, exp.Chr):
            codes = [it.name for it in node.expressions]
            if codes and all(code.isdigit() and int(code) < 0x110000 for code in codes):
                return ["".join(chr(int(code)) for code in codes)]
        if isinstance(node, exp.Replace):
            return [
                one.replace(two, three)
                for one, two, three in islice(
                    product(
                        self.fold(node.this),
                        self.fold(node.expression),
                        self.fold(node.args["replacement"]) if node.args.get("replacement") else [""],
                    ),
                    _MAX,
                )
            ]
        if isinstance(node, (exp.Case, exp.If)):
            return self._ways(node)
        if isinstance(node, exp.Select) and len(node.expressions) == 1 and node.args.get("from_") is None:
            return self._fold(node.expressions[0])
        if isinstance(node, (exp.Parameter, exp.Placeholder)):
            return self._variable(parameter(node).lower(), node)
        if isinstance(node, exp.Column) and not node.args.get("table"):
            return self._variable(node.name.lower(), node)
        if isinstance(node, exp.Identifier):
            return self._variable(node.name.lower(), node)
        if isinstance(node, exp.Dot) or isinstance(node, exp.Column):
            return self._variable(node.sql().lower().replace('"', ""), node)
        if isinstance(node, exp.Format):
            return self._formatted(node.this, node.expressions)
        name = type(node).__name__.lower()
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
            arguments = node.expressions
            if name in ("quotename", "quote_ident", "identifier", "quote_literal", "quote_nullable") and arguments:
                if name.startswith("quote_l") or name.startswith("quote_n"):
                    return [_literal(text) for text in self.fold(arguments[0])]
                return self._fold(arguments[0])
            if (
                name in ("dbms_assert.simple_sql_name", "simple_sql_name", "enquote_name", "sql_object_name")
                and arguments
            ):
                return self._fold(arguments[0])
            if name in ("concat", "concat_ws") and arguments:
                if name == "concat":
                    return self._joined(arguments)
                gap = self.fold(arguments[0])
                if len(gap) == 1:
                    parts: list[exp.Expr] = []
                    for argument in arguments[1:]:
                        parts += [exp.Literal.string(gap[0]), argument] if parts else [argument]
                    return self._joined(parts)
            if name in ("format", "printf") and arguments:
                return self._formatted(arguments[0], arguments[1:])
            if name in ("char", "nchar", "chr") and arguments and arguments[0].name.isdigit():
                return [chr(min(int(arguments[0].name), 0x10FFFF))]
        return self._unknown(node)

    def _variable(self, name: str, node: exp.Expr) -> Iterable[str]:
        texts = self._lookup(name)
        return sorted(texts) if texts else self._unknown(node)

    def _unknown(self, node: exp.Expr) -> list[str]:
        name = f"{UNKNOWN}{len(self.pieces)}"
        self.pieces[name] = node
        return [name]

    def _joined(self, parts: Iterable[exp.Expr]) -> list[str]:
        texts = [""]
        for part in parts:
            more = self.fold(part)
            if len(texts[0]) + len(more[0] if more else "") > MAX_LENGTH:
                return []
            texts = [one + two for one, two in islice(product(texts, more), _MAX)]
        return texts

    def _ways(self, node: exp.Expr) -> list[str]:
        ways: list[exp.Expr] = []
        if isinstance(node, exp.Case):
            ways = [branch.args["true"] for branch in node.args.get("ifs") or ()]
            ways += [node.args["default"]] if node.args.get("default") is not None else []
        else:
            ways = [node.args[key] for key in ("true", "false") if node.args.get(key) is not None]
        return [text for way in ways for text in self.fold(way)]

    def _formatted(self, form: exp.Expr, arguments: list[exp.Expr]) -> list[str]:
        """PostgreSQL's and BigQuery's format()."""
        result = []
        for text in self.fold(form):
            pieces: list[exp.Expr] = []
            rest, used, plain = text, 0, ""
            while rest:
                before, mark, rest = rest.partition("%")
                plain += before
                if not mark:
                    break
                digits = ""
                while rest and (rest[0].isdigit() or rest[0] in "$-.'"):
                    digits, rest = digits + rest[0], rest[1:]
                kind, rest = rest[:1], rest[1:]
                if kind == "%":
                    plain += "%"
                    continue
                at = int(digits[:-1]) - 1 if digits.endswith("$") and digits[:-1].isdigit() else used
                used = at + 1
                if at >= len(arguments):
                    return self._unknown(form)
                pieces.append(exp.Literal.string(plain))
                plain = ""
                argument = arguments[at]
                if kind in "LTt":
                    pieces.append(exp.Anonymous(this="quote_literal", expressions=[argument.copy()]))
                else:
                    pieces.append(argument)
            pieces.append(exp.Literal.string(plain))
            result += self._joined(pieces)
        return result


def _operands(node: exp.Expr) -> list[exp.Expr]:
    """The terms of a chain, from left to right, without recursion."""
    if isinstance(node, exp.Concat):
        return list(node.expressions)
    result: list[exp.Expr] = []
    while isinstance(node, (exp.DPipe, exp.Add)):
        result.append(node.expression)
        node = node.this
    result.append(node)
    return result[::-1]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
