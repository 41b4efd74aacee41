"""What the loader makes of a file: the typed view of a sound one, a complaint with the line otherwise."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from ontology import Alignment, Ontology, OntologyError, load

HERE = Path(__file__).parent
SOUND = (HERE / "sound.ttl").read_text()
_CASE = re.compile(r"^==== (.+?)\n(.+?)(?=^====|\Z)", re.MULTILINE | re.DOTALL)
FAULTS = dict(_CASE.findall((HERE / "faults.txt").read_text()))
MARK = "# <- "


@pytest.fixture
def sound() -> Ontology:
    return load(HERE / "sound.ttl")


@pytest.mark.parametrize("title", FAULTS)
def test_a_fault_is_refused_with_file_line_and_reason(title: str, tmp_path: Path) -> None:
    text = SOUND + FAULTS[title]
    file = tmp_path / "faulty.ttl"
    file.write_text(text)
    line, words = next((at, row.split(MARK)[1]) for at, row in enumerate(text.split("\n"), 1) if MARK in row)
    if words.startswith("line 1: "):
        line, words = 1, words.removeprefix("line 1: ")

    with pytest.raises(OntologyError) as caught:
        load(file)

    assert words in caught.value.reason
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert str(caught.value) == f"{file}, line {line}: {caught.value.reason}"


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.ttl"
    file.write_text("")

    with pytest.raises(OntologyError, match="line 1: expected one owl:Ontology with its version, found 0"):
        load(file)


def test_a_header_without_a_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "unversioned.ttl"
    file.write_text(SOUND.replace(' ; owl:versionInfo "3"', ""))

    with pytest.raises(OntologyError, match="line 10: words has no owl:versionInfo"):
        load(file)


def test_a_file_cut_off_after_a_text_is_refused_at_its_last_line(tmp_path: Path) -> None:
    file = tmp_path / "cut.ttl"
    file.write_text(SOUND + 'ex:Job skos:note "cut"')

    with pytest.raises(OntologyError, match="not valid Turtle: ends inside a statement") as caught:
        load(file)

    assert caught.value.line == SOUND.count("\n") + 1


def test_bytes_that_are_not_utf_8_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.ttl"
    file.write_bytes(SOUND.encode() + b'ex:Job skos:note "\xe9" .\n')

    with pytest.raises(OntologyError, match="expected UTF-8, found byte 0xe9") as caught:
        load(file)

    assert caught.value.line == SOUND.count("\n") + 1


def test_a_missing_file_is_the_builtin_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.ttl")


def test_a_class_shows_what_the_file_says_of_it(sound: Ontology) -> None:
    table = sound.classes["Table"]

    assert (table.iri, table.label, table.definition) == ("https://example.org/words#Table", "Table", "Rows.")
    assert (table.parents, table.kind, table.key_class) == (("Dataset",), "dataset", False)
    assert table.naming_schemes == {"postgres", "arn:aws:glue"}
    assert table.dataset_types == {"TABLE"}


def test_a_subclass_takes_colour_and_icon_from_its_key_class(sound: Ontology) -> None:
    assert (sound.classes["Table"].colour, sound.classes["Table"].icon) == ("#112233", "database")


def test_a_class_above_the_key_classes_has_no_kind(sound: Ontology) -> None:
    assert sound.classes["Thing"].kind == ""
    assert sound.subclasses("Thing") == {"Thing", "Dataset", "Table", "Job"}
    with pytest.raises(KeyError):
        sound.key_class_of("Thing")


def test_a_superclass_of_another_vocabulary_is_an_alignment_and_a_restriction_is_nothing(
    sound: Ontology,
) -> None:
    dataset = sound.classes["Dataset"]

    assert dataset.parents == ("Thing",)
    assert dataset.alignments == (Alignment("subClassOf", "http://www.w3.org/ns/prov#Entity"),)


def test_of_labels_in_several_languages_the_unmarked_one_is_taken(sound: Ontology) -> None:
    assert sound.classes["Dataset"].label == "Dataset"


def test_a_relation_knows_the_name_for_its_other_end(sound: Ontology) -> None:
    reads = sound.relations["reads"]

    assert (reads.domain, reads.range, reads.inverse) == ("Job", "Dataset", "readBy")
    assert list(sound.relations) == ["reads"]


def test_a_property_is_to_many_and_without_lineage_unless_it_says_otherwise(sound: Ontology) -> None:
    assert (sound.relations["reads"].cardinality, sound.relations["reads"].to_many) == ("0..*", True)
    assert sound.relations["reads"].carries_lineage is False


def test_a_functional_property_has_at_most_one_value(sound: Ontology) -> None:
    size = sound.attributes["size"]

    assert (size.domain, size.range, size.cardinality) == ("Table", "integer", "0..1")


def test_what_is_loaded_cannot_be_changed(sound: Ontology) -> None:
    with pytest.raises(FrozenInstanceError):
        sound.classes["Table"].kind = "job"  # type: ignore[misc]
    with pytest.raises(TypeError):
        sound.classes["Other"] = sound.classes["Table"]  # type: ignore[index]


def test_the_version_is_the_header_s(sound: Ontology) -> None:
    assert sound.version == "3"
