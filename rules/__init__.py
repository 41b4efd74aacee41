"""Active rules: they watch committed changes, decide with the graph as of the change, and act through an
outbox.

A folder of YAML files becomes rules (`reading` -> `rule`); the `engine` evaluates every change exactly once
per rule version and commits decision and intended actions together (`outbox`); the `worker` carries actions
out (`actions/`) and reports decisions and outcomes back to the journal (`record`). Imports `graph` and
`ontology`, never `ingest` or `api`. Start reading at `rule`, then `engine`; `service` is what the application
starts and stops.
"""

from rules.document import RuleFault
from rules.outbox import ActionRecord, FiringRecord
from rules.reading import RulesRejected, load_rules, read_rule
from rules.rule import Rule
from rules.service import RuleService

__all__ = [
    "ActionRecord",
    "FiringRecord",
    "Rule",
    "RuleFault",
    "RuleService",
    "RulesRejected",
    "load_rules",
    "read_rule",
]
