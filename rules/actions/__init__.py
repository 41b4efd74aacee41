"""The kinds of action, by the name that a rule gives them. A kind is a module: what it takes, what of it is kept in the
outbox, and who carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yaml.nodes import Node

from rules.action import Action
from rules.actions import protect, statement, webhook
from rules.document import Document

READERS: Mapping[str, Callable[[Document, Node, str], Action]] = {
    "webhook": webhook.read,
    "stop": statement.read_stop,
    "incident": statement.read_incident,
    "tag": statement.read_tag,
    "protect": protect.read,
}
"""What reads an action from its arguments, the document's node at a path. Raises `RuleFault`."""
