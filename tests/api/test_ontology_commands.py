"""`andon ontology`, called with its arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli import main
from ontology import load
from tests.end_to_end.service import Service, run_andon

HERE = Path(__file__).parents[1]
SHIPPING = HERE / "ontology/shipping.ttl"
WORDS = HERE / "ingest/glossary/words.ttl"
ROOT = HERE.parent

Printed = pytest.CaptureFixture[str]

ASK = """{ entity(type: "GlossaryTerm", namespace: "https://example.org/words#", name: "Customer") {
    description type ... on GlossaryTerm { displayName altLabel broader { name } inGlossary { name } annotations }
} }"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.ttl"
    path.write_text(
        SHIPPING.read_text()
        + 'my:Lorry a owl:Class ; rdfs:label "Lorry" ; rdfs:subClassOf my:Shipment .\n'
        + "my:Van a owl:Class ; rdfs:subClassOf my:Car .\n"
    )
    return path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data") as service:
        yield service


def asked(service: Service) -> dict[str, object]:
    found: dict[str, object] = service.graphql(ASK, min_position=service.position())["entity"]
    return found


def assert_customer(service: Service) -> None:
    found = asked(service)

    assert (found["type"], found["description"], found["displayName"]) == ("GlossaryTerm", "Who buys.", "Customer")
    assert found["altLabel"] == ["Buyer", "Client"]
    assert (found["broader"], found["inGlossary"]) == ([{"name": "Party"}], [{"name": "words"}])
    assert "http://www.w3.org/2004/02/skos/core#editorialNote" in json.loads(str(found["annotations"]))


def test_the_shipped_words_are_sound_and_so_are_own_ones(capsys: Printed) -> None:
    assert main(["ontology", "check"]) == 0
    assert main(["ontology", "check", str(SHIPPING)]) == 0

    shipped, own = capsys.readouterr().out.splitlines()
    assert shipped == f"{load().version}: " + ", ".join(
        f"{len(terms)} {what}"
        for terms, what in (
            (load().classes, "classes"),
            (load().relations, "relations"),
            (load().attributes, "attributes"),
        )
    )
    assert own.startswith(f"{load().version} + shipping 3: ")


def test_every_fault_is_printed_with_file_and_line(bad: Path, capsys: Printed) -> None:
    line = SHIPPING.read_text().count("\n") + 1

    assert main(["ontology", "check", str(bad)]) == 1

    assert capsys.readouterr().out.splitlines() == [
        f"{bad}:{line}: Lorry has no skos:definition",
        f"{bad}:{line + 1}: Van names the unknown class <https://example.com/shipping#Car>",
    ]


def test_a_folder_stands_for_its_turtle_files(bad: Path, capsys: Printed) -> None:
    assert main(["ontology", "check", str(bad.parent)]) == 1
    assert capsys.readouterr().out.startswith(f"{bad}:")


def test_a_file_in_place_of_the_shipped_ones_is_checked_alone(capsys: Printed) -> None:
    assert main(["ontology", "check", "--ontology", str(HERE / "ontology/sound.ttl")]) == 0
    assert capsys.readouterr().out == "3: 4 classes, 1 relations, 1 attributes\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: Printed) -> None:
    assert main(["ontology", "check", str(tmp_path / "no.ttl")]) == 2
    assert "there is no file or folder" in capsys.readouterr().err


def test_the_pages_are_written_and_known_to_be_fresh_or_stale(tmp_path: Path, capsys: Printed) -> None:
    out = str(tmp_path / "pages")

    assert main(["ontology", "doc", "--out", out, "--check"]) == 1
    assert main(["ontology", "doc", "--out", out]) == 0
    assert main(["ontology", "doc", "--out", out, "--check"]) == 0
    (tmp_path / "pages/reference.md").write_text("old")
    capsys.readouterr()
    assert main(["ontology", "doc", "--out", out, "--check"]) == 1
    assert capsys.readouterr().out == f"{out}/reference.md is out of date: andon ontology doc writes it anew\n"
    assert (tmp_path / "pages/classes.svg").read_text() == (ROOT / "docs/ontology/classes.svg").read_text()


def test_own_words_get_a_page_too(tmp_path: Path) -> None:
    assert main(["ontology", "doc", str(SHIPPING), "--out", str(tmp_path)]) == 0
    assert "**Shipment**" in (tmp_path / "reference.md").read_text()
    assert "Express shipment" in (tmp_path / "classes.svg").read_text()


def test_no_page_is_written_of_words_with_faults(bad: Path, tmp_path: Path) -> None:
    assert main(["ontology", "doc", str(bad), "--out", str(tmp_path / "pages")]) == 1
    assert not (tmp_path / "pages").exists()


def test_a_dry_run_prints_the_facts_and_keeps_nothing(tmp_path: Path, capsys: Printed) -> None:
    data = tmp_path / "data"

    assert main(["ontology", "import", str(WORDS), "--as", "glossary", "--dry-run", "--data", str(data)]) == 0

    [document] = map(json.loads, capsys.readouterr().out.splitlines())
    assert document["source"] == "import:https://example.org/words"
    assert [entity["name"] for entity in document["entities"]] == ["words", "Customer", "Order", "Party"]
    assert not data.exists()


def test_a_glossary_is_brought_into_a_running_service_once(service: Service) -> None:
    command = ("ontology", "import", str(WORDS), "--as", "glossary", "--url", service.url)

    first = run_andon(*command)
    again = run_andon(*command)

    assert (first.returncode, first.stderr) == (0, ""), first.stderr
    assert first.stdout == again.stdout == "imported 3 terms of 1 glossaries, up to position 1\n"
    assert service.position() == 1
    assert_customer(service)


def test_a_glossary_is_brought_into_a_stopped_service_s_journal(service: Service) -> None:
    service.stop()

    done = run_andon("ontology", "import", str(WORDS), "--as", "glossary", "--data", str(service.data))
    service.start()

    assert (done.returncode, done.stdout) == (0, "imported 3 terms of 1 glossaries, up to position 1\n"), done.stderr
    assert_customer(service)


def test_the_journal_of_a_running_service_is_left_alone(service: Service) -> None:
    done = run_andon("ontology", "import", str(WORDS), "--as", "glossary", "--data", str(service.data))

    assert done.returncode == 1
    assert service.position() == 0


def test_a_misspelt_folder_gets_no_journal(tmp_path: Path, capsys: Printed) -> None:
    assert main(["ontology", "import", str(WORDS), "--as", "glossary", "--data", str(tmp_path / "no")]) == 1
    assert "there is no journal in" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_service_that_wants_a_key_gets_the_setting_s(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = run_andon("keys", "add", "me", "--scope", "emit,read", "--data", str(data)).stdout.strip()
    command = ["ontology", "import", str(WORDS), "--as", "glossary", "--url"]
    config = tmp_path / "andon.toml"
    config.write_text(f'api_key = "{key}"\n')
    with Service(data, key=key) as service:
        without = run_andon(*command, service.url)
        given = run_andon(*command, service.url, "--config", str(config))

        assert (without.returncode, given.returncode) == (1, 0), (without.stderr, given.stderr)
        assert "the key is the setting api_key" in without.stderr
        assert key not in given.stdout + given.stderr + without.stderr


def test_a_service_that_is_not_there_is_named(capsys: Printed) -> None:
    assert main(["ontology", "import", str(WORDS), "--as", "glossary", "--url", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9 does not answer" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "empty.ttl"
    path.write_text("")

    assert main(["ontology", "import", str(path), "--as", "reference", "--dry-run"]) == 2
    assert "no owl:Class, property or individual with a name; is it for --as glossary?" in capsys.readouterr().err
    assert main(["ontology", "import", str(tmp_path / "no.ttl"), "--as", "reference", "--dry-run"]) == 1
