"""The packs: every rule can be read and has cases, which come out."""

from __future__ import annotations

from pathlib import Path

import pytest

import rules.packs
from api.app import limits_of
from api.cli import main
from api.rule_cases import SUFFIX, read_cases, run_case
from api.settings import Settings
from ontology import Ontology
from rules.reading import load_folder

HOOK = {
    "ANDON_PACKS_WEBHOOK": "https://hooks.example.com/x",
    "ANDON_PACKS_MLFLOW": "https://mlflow.example.com",
    "ANDON_PACKS_DATABASE": "postgresql://andon@db.example.com/shop",
}
FOLDER = Path(rules.packs.__file__).parent


@pytest.mark.parametrize("pack", rules.packs.packs())
def test_each_rule_of_a_pack_has_cases_that_come_out(pack: str, words: Ontology) -> None:
    found = load_folder(FOLDER / pack, words, HOOK)
    assert found.rules
    for rule in found.rules:
        cases = read_cases(FOLDER / pack / f"{rule.name}{SUFFIX}")
        verdicts = [bool(case.fires) for case in cases]
        assert True in verdicts, f"{rule.name} fires in no case"
        for case in cases:
            assert run_case(rule, case, words, limits_of(Settings()), found.propagations).faults == ()


def test_a_pack_is_copied_to_be_changed_and_never_over_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOOK.items():
        monkeypatch.setenv(name, value)
    assert main(["rules", "packs"]) == 0
    assert "privacy\tpersonal-data-without-owner\n" in capsys.readouterr().out
    mine = tmp_path / "mine"
    assert main(["rules", "copy", "privacy", str(mine)]) == 0
    assert main(["rules", "check", str(mine)]) == 0
    assert main(["rules", "test", str(mine)]) == 0
    assert "8 cases of 4 rules, 0 failed" in capsys.readouterr().out

    assert main(["rules", "copy", "privacy", str(mine)]) == 1
    assert "already" in capsys.readouterr().err
    assert main(["rules", "copy", "nosuch", str(mine)]) == 1
    assert "there is no pack 'nosuch'; there are cost, ml, privacy," in capsys.readouterr().err
