"""Jinja, caged: no attribute that leads out of a value, no file, no clock, no environment; loops, calls, sizes and
time are counted against one `Budget`, so that a template ends whatever it says.

jinja2's own sandbox guards attributes and `range`; what it leaves to its caller (its "Security Considerations")
is bounded here: the operators that multiply, filters and methods given huge numbers or texts, nested loops,
recursive macros, lists that hold each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from jinja2 import TemplateError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_SOURCE = 1_000_000
"""Characters of a template that is compiled as one."""
MAX_TEXT = 2_000_000
"""Characters that a template may write, intermediate texts included."""
MAX_STEPS = 100_000
"""Rounds of loops and calls together; also the items of one collection."""
MAX_NUMBER = 100_000
"""The greatest number that a filter or a text's method is given (a width, a count)."""
MAX_SECONDS = 2.0

# What dbt models do to their own lists and dictionaries; nothing else in reach of a template can be changed.
_CHANGES: dict[type, set[str]] = {list: {"append", "extend", "insert", "pop"}, dict: {"update", "setdefault", "pop"}}
_LEFT_OUT = ("pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr")


class Overrun(TemplateError):
    """The template wants more than its budget."""


class Returned(Exception):
    """dbt's `{{ return(value) }}` on its way out of a macro."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Budget:
    """What one template may still use."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self.steps = MAX_STEPS
        self.text = MAX_TEXT
        self.deadline = time.monotonic() + seconds

    def step(self, text: int = 0) -> None:
        """One round or call, which writes `text` characters."""
        self.steps -= 1
        self.text -= text
        if self.spent:
            raise Overrun("the template asks for too much")

    def weigh(self, value: Any) -> int:
        """Items and characters in `value`, those of shared parts each time they are met, as printing it would."""
        items, text, waiting = 0, 0, [value]
        while waiting:
            item = waiting.pop()
            items += 1
            text += len(item) if isinstance(item, str | bytes) else 0
            if isinstance(item, dict):
                waiting.extend(item.keys())
                waiting.extend(item.values())
            elif isinstance(item, list | tuple | set | frozenset):
                waiting.extend(item)
            if items + len(waiting) > MAX_STEPS or text > MAX_TEXT:
                self.steps -= items // 10
                raise Overrun("a value is too large")
        self.steps -= items // 100
        return items + text

    @property
    def spent(self) -> bool:
        return self.steps < 0 or self.text < 0 or time.monotonic() > self.deadline


class DbtTags(Extension):
    """dbt's own block tags: a snapshot's body is SQL, the others only define something."""

    tags = {"snapshot", "materialization", "test", "data_test", "docs"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        tag = parser.stream.current.value
        while parser.stream.current.type != "block_end":
            next(parser.stream)
        body = parser.parse_statements((f"name:end{tag}",), drop_needle=True)
        return body if tag == "snapshot" else []


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for one template: `undefined` is the type of every value that is not known."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, budget: Budget, undefined: type[Undefined]) -> None:
        super().__init__(
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", DbtTags],
            undefined=undefined,
            keep_trailing_newline=True,
            optimized=False,
            autoescape=False,
            cache_size=0,
        )
        self.budget = budget
        self.finalize = self._printed
        for name in _LEFT_OUT:
            del self.filters[name]
        self.filters = {name: self._bounded(function) for name, function in self.filters.items()}
        self.filters |= {"bounded_rounds": self._rounds, "bounded_text": self._joined, "bounded_value": self._weighed}
        self.globals = {name: self.globals[name] for name in ("range", "dict", "namespace", "cycler", "joiner")}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if attr in _CHANGES.get(type(obj), set()):
            return True
        return super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        raise SecurityError(f"attribute {attribute!r} is not for templates")

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: B902
        # The sandbox wraps `format`.
        owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)
        if isinstance(owner, str):
            __self._bound(owner, *args, *kwargs.values())
        elif isinstance(owner, list | dict):
            __self.budget.weigh(args)
            args = tuple(_own(argument) for argument in args)
            if len(owner) > MAX_STEPS:
                raise Overrun("a collection is too large")
        __self.budget.step()
        try:
            value = super().call(__context, __obj, *args, **kwargs)
        except Returned as returned:
            if not isinstance(__obj, Macro):
                raise
            value = returned.value
        if isinstance(value, str):
            __self.budget.step(len(value))
        return value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
                return f"{left}{right}"
            return left if isinstance(left, Undefined) else right
        if isinstance(left, int | float) and isinstance(right, int | float):
            if operator == "**" and (abs(left) > 10**6 or abs(right) > 10) or max(abs(left), abs(right)) > 10**60:
                raise Overrun("a number is too large")
        elif operator == "+":
            self.budget.step(self.budget.weigh(left) + self.budget.weigh(right))
        else:
            self._bound(*((right, left) if isinstance(left, int) else (left, right)))
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = _Bounds().visit(super()._parse(source, name, filename))
        assert isinstance(tree, nodes.Template)
        tree.set_environment(self)
        return tree

    def _bound(self, value: Any, *others: Any) -> None:
        """Refuse an operation on `value` that could make much of little: a repetition, a replacement, a width."""
        product = max(1, self.budget.weigh(value))
        for other in others:
            items = other if isinstance(other, tuple) else (other,)
            if any(isinstance(item, int) and abs(item) > MAX_NUMBER for item in items):
                raise Overrun("a number is too large")
            product *= max(1, abs(other) if type(other) is int else self.budget.weigh(other))
        if product * _width(value) > 10 * MAX_TEXT:
            raise Overrun("a value would become too large")

    def _bounded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        skipped = 1 if hasattr(function, "jinja_pass_arg") else 0

        @wraps(function)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            self.budget.step()
            self._bound(*args[skipped:], *kwargs.values())
            return function(*args, **kwargs)

        return bounded

    def _rounds(self, items: Iterable[Any], text: int) -> Iterator[Any]:
        for item in items:
            self.budget.step(text)
            yield item

    def _joined(self, parts: list[Any]) -> str:
        self.budget.step(self.budget.weigh(parts))
        return "".join(map(str, parts))

    def _weighed(self, value: Any) -> Any:
        self.budget.weigh(value)
        return value

    # Taking the context keeps jinja2 from calling this while it compiles.
    @staticmethod
    @pass_context
    def _printed(context: Context, value: Any) -> Any:
        environment = context.environment
        assert isinstance(environment, Sandbox)
        return environment.printed(value)

    def printed(self, value: Any) -> Any:
        """What an expression writes: texts, numbers and lists; an unknown in the place of anything that is code."""
        if value is None:
            return ""
        if isinstance(value, dict) and any(map(callable, value.values())):
            return self.undefined(name="unknown")
        if not isinstance(value, str | int | float | list | tuple | dict | Undefined):
            return self.undefined(name=getattr(value, "__name__", "unknown"))
        self.budget.step(self.budget.weigh(value))
        return value


class _Bounds(NodeTransformer):
    """Puts a check at each place where the compiled template would not ask the environment."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        text = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        node.iter = _filter("bounded_rounds", node.iter, nodes.Const(text))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filter("bounded_text", nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return _filter("bounded_value", node)

    visit_Dict = visit_List

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return _filter("bounded_value", node) if node.ctx == "load" else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _filter("bounded_value", node.expr)
        for operand in node.ops:
            operand.expr = _filter("bounded_value", operand.expr)
        return node


def _filter(name: str, value: nodes.Node, *args: nodes.Expr) -> nodes.Filter:
    assert isinstance(value, nodes.Expr)
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


def _width(value: Any) -> int:
    """How many times longer than itself a format text may become, its longest number taken for a width."""
    if not isinstance(value, str) or ("%" not in value and "{" not in value):
        return 1
    if "*" in value:
        return 10**6
    longest = run = depth = 0
    for character in value:
        depth += (character == "{") - (character == "}")
        if depth > 1:  # a width out of an argument
            return 10**9
        run = run + 1 if character.isdigit() else 0
        longest = max(longest, run)
    return int(10 ** min(longest, 9))


def _own(value: Any) -> Any:
    """A copy of collections, so that no list grows after it was weighed within another."""
    if isinstance(value, dict):
        return {key: _own(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_own, value))
    return value
