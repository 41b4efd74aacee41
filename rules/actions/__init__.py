"""The kinds of action, by the name that a rule gives them. A kind is a module: what it takes, what of it is kept in the
outbox, and who carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from yaml.nodes import Node

from rules.action import Action, Together
from rules.actions import (
    airflow,
    http_action,
    mlflow_project,
    notify,
    protect,
    retrain,
    statement,
    stewardship,
    webhook,
)
from rules.document import Document

_Read = Callable[[Document, Node, str], Action]

_STARTERS: Mapping[str, _Read] = {
    "http": http_action.read,
    "airflow": airflow.read,
    "mlflow_project": mlflow_project.read,
}
"""Those that a training may be started by, too."""

_SAYING: Mapping[str, _Read] = {
    "stop": statement.read_stop,
    "incident": statement.read_incident,
    "tag": statement.read_tag,
    "set_owner": stewardship.read_set_owner,
    "classify": stewardship.read_classify,
    "deprecate": stewardship.read_deprecate,
    "certify": stewardship.read_certify,
    "close_incident": stewardship.read_close_incident,
    "assign_incident": stewardship.read_assign_incident,
}

READERS: Mapping[str, Callable[[Document, Node, str], Action | Together]] = {
    "webhook": webhook.read,
    "notify": notify.read,
    **_STARTERS,
    "retrain": partial(retrain.read_retrain, _STARTERS),
    "promote": retrain.read_promote,
    "protect": protect.read,
    **_SAYING,
}
"""What reads an action from its arguments, the document's node at a path. Raises `RuleFault`."""

STATEMENTS = tuple(_SAYING)
"""The kinds that say something in the graph."""
