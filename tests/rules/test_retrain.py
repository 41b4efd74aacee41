"""When a challenger takes the champion's place; the whole of it is in tests/systems/test_retraining.py."""

from __future__ import annotations

import pytest

from ontology import Ontology
from rules import RuleFault, read_rule
from rules.actions.retrain import Check

REFERENCES = {"ANDON_MLFLOW": "https://mlflow.example.com"}
START = "{mlflow_project: {server: '${ANDON_MLFLOW}', project: churn}}"


@pytest.mark.parametrize(
    ("check", "challenger", "champion", "fault"),
    [
        (Check("auc", True), 0.91, 0.91, None),
        (Check("auc", True), 0.90, 0.91, "auc: the challenger has 0.9, the champion 0.91, expected it higher by 0"),
        (Check("f", True, 0.2), 0.9, 0.8, "f: the challenger has 0.9, the champion 0.8, expected it higher by 0.2"),
        (Check("f", True, 0.1), 0.3, 0.2, None),
        (Check("loss", False, 0.5), 1.5, 2.0, None),
        (Check("loss", False, 0.5), 1.6, 2.0, "loss: the challenger has 1.6, the champion 2, expected it lower by 0.5"),
        (Check("auc", True), None, 0.91, "auc: the challenger has none"),
        (Check("auc", True), 0.99, None, "auc: the champion has none"),
    ],
)  # fmt: skip
def test_a_check_holds_or_says_why_not(
    check: Check, challenger: float | None, champion: float | None, fault: str | None
) -> None:
    ours = {} if challenger is None else {check.metric: challenger}
    theirs = {} if champion is None else {check.metric: champion}

    assert check.fault(ours, theirs) == fault


def test_without_a_champion_the_metrics_must_be_there_and_no_better_than_anything() -> None:
    assert Check("auc", True, 0.1).fault({"auc": 0.2}, None) is None
    assert Check("auc", True, 0.1).fault({}, None) == "auc: the challenger has none"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("model: m, guard: []", "expected a list of 1 to 20 checks"),
        ("model: m, guard: [{metric: auc, better: more}]", "expected one of higher, lower"),
        ("model: m, guard: [{metric: auc, better: higher, by: -1}]", "expected a number, as 0.01"),
        ("model: '${ANDON_MLFLOW}', guard: [{metric: auc, better: higher}]", "a reference cannot stand here"),
        ("model: m, guard: [{metric: auc, better: higher}], start: {notify: {}}", "unknown key 'notify'"),
        ("model: m, guard: [{metric: a, better: lower}],"
         " start: {mlflow_project: {server: '${ANDON_MLFLOW}', project: ../x}}", "the name of a folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_reason(words: Ontology, arguments: str, reason: str) -> None:
    start = "" if "start:" in arguments else f", start: {START}"
    do = f"{{retrain: {{server: '${{ANDON_MLFLOW}}', {arguments}{start}}}}}"
    with pytest.raises(RuleFault) as caught:
        read_rule(f"rule: a\nversion: 1\non: {{change: run.failed}}\ndo: [{do}]\n".encode(), "a", words, REFERENCES)

    assert reason in str(caught.value)
