"""The ontology Andon ships: what it answers about OpenLineage's names, and what each term must have."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import combinations
from math import dist
from pathlib import Path

import pytest

from ingest.sql import modelling
from ontology import Attribute, EntityType, Ontology, Relation, load

KEY_CLASSES = set(
    "Dataset Column Job Run Model ModelVersion Dashboard Chart Service Policy CostItem Contract Assertion "
    "Incident Tag GlossaryTerm Person Team Domain DataProduct Environment Rule Firing "
    "CodeRepository System Schema Constraint Resource Release Configuration Account Metric Glossary Experiment Feature "
    "PolicyRule Framework Control AccessGrant Role Measurement Finding ServiceLevelObjective Budget "
    "BusinessProcess Stop".split()
)
MODULES = (
    "andon analytics business cloud compute containers cord cost governance lean machine_learning orchestration "
    "process programming quality schema semantic storage"
).split()
STANDARDS = (
    "http://www.w3.org/ns/prov#",
    "http://www.w3.org/ns/dcat#",
    "https://ekgf.github.io/dprod/",
    "http://www.w3.org/ns/dqv#",
    "http://www.w3.org/ns/odrl/2/",
    "http://www.w3.org/2004/02/skos/core#",
    "http://www.w3.org/ns/csvw#",
    "http://www.w3.org/ns/mls#",
    "https://focus.finops.org/",
)
WHITE, DARK = "#ffffff", "#242424"


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


def test_the_key_classes_are_those_that_interfaces_name(words: Ontology) -> None:
    assert {entity.name for entity in words.key_classes} == KEY_CLASSES


@pytest.mark.parametrize("name", sorted(KEY_CLASSES))
def test_a_key_class_is_aligned_with_a_standard(words: Ontology, name: str) -> None:
    assert any(alignment.iri.startswith(STANDARDS) for alignment in words.classes[name].alignments)


@pytest.mark.parametrize("name", sorted(KEY_CLASSES))
def test_a_kind_leads_back_to_its_key_class(words: Ontology, name: str) -> None:
    assert words.key_class_for_kind(words.classes[name].kind) == name
    assert {words.key_class_of(below) for below in words.subclasses(name)} == {name}


def test_every_class_is_below_entity(words: Ontology) -> None:
    assert words.subclasses("Entity") == set(words.classes)


def test_a_subclass_counts_through_all_levels(words: Ontology) -> None:
    assert words.subclasses("Table") == {
        "Table",
        "View",
        "MaterializedView",
        "ExternalTable",
        "TemporaryTable",
    }
    assert words.key_class_of("MaterializedView") == "Dataset"


def test_unknown_names_are_key_errors(words: Ontology) -> None:
    for ask in (words.key_class_of, words.subclasses, words.key_class_for_kind):
        with pytest.raises(KeyError):
            ask("Nonsense")


@pytest.mark.parametrize(
    ("namespace", "kind", "type_"),
    [
        ("postgres://db.shop:5432", "dataset", "Table"),
        ("bigquery", "dataset", "Table"),
        ("snowflake://org-account", "dataset", "Table"),
        ("fabric-warehouse://host:1433", "dataset", "Table"),
        ("arn:aws:glue:eu-west-1:123456789012", "dataset", "Table"),
        ("arn:aws:glue", "dataset", "Table"),
        ("arn:aws:gluey:eu-west-1:123456789012", "dataset", "Dataset"),
        ("arn:aws:kinesis:eu-west-1:123456789012", "dataset", "Dataset"),
        ("kafka://broker:9092", "dataset", "Topic"),
        ("pubsub", "dataset", "Topic"),
        ("s3a://bucket", "dataset", "File"),
        ("S3://bucket", "dataset", "File"),
        ("file", "dataset", "File"),
        ("file:/tmp/x", "dataset", "File"),
        ("abfss://container@account.dfs.core.windows.net", "dataset", "File"),
        ("looker://shop", "dashboard", "Dashboard"),
        ("tableau://site", "dashboard", "Dashboard"),
        ("powerbi://workspace", "dashboard", "Dashboard"),
        ("superset://bi", "dashboard", "Dashboard"),
        ("metabase://bi", "dashboard", "Dashboard"),
        ("mlflow://registry", "model", "Model"),
        ("food_delivery", "dataset", "Dataset"),
        ("lookerish://shop", "dataset", "Dataset"),
        ("", "dataset", "Dataset"),
        ("://", "dataset", "Dataset"),
    ],
)
def test_a_namespace_tells_kind_and_type(words: Ontology, namespace: str, kind: str, type_: str) -> None:
    assert words.kind_for_namespace(namespace) == kind
    assert words.type_for(kind, namespace, None) == type_


@pytest.mark.parametrize(
    ("dataset_type", "sub_type", "expected"),
    [
        ("VIEW", None, "View"),
        ("view", "", "View"),
        ("VIEW", "MATERIALIZED", "MaterializedView"),
        ("TABLE", "temporary", "TemporaryTable"),
        ("TABLE", "EXTERNAL", "ExternalTable"),
        ("TABLE", "PARTITIONED", "Table"),
        ("TOPIC", None, "Topic"),
        ("STREAM", None, "Stream"),
        ("FILE", None, "File"),
        ("JOB_OUTPUT", None, "File"),
        ("", "MATERIALIZED", "File"),
    ],
)
def test_the_dataset_type_facet_goes_before_the_scheme(
    words: Ontology, dataset_type: str, sub_type: str | None, expected: str
) -> None:
    assert words.type_for("dataset", "s3://bucket", dataset_type, sub_type) == expected


def test_a_facet_never_moves_an_entity_out_of_its_kind(words: Ontology) -> None:
    assert words.type_for("dashboard", "looker://shop", "VIEW") == "Dashboard"
    assert words.type_for("dataset", "mlflow://registry", "MODEL") == "Dataset"


@pytest.mark.parametrize(
    ("job_type", "expected"),
    [("DAG", "Pipeline"), ("task", "Task"), ("SQL_JOB", "Query"), ("MODEL", "Transformation")]
    + [("TEST", "TestJob"), ("APPLICATION", "Application"), ("JOB", "Job"), ("", "Job"), (None, "Job")],
)
def test_the_job_type_facet_tells_the_class_of_a_job(words: Ontology, job_type: str | None, expected: str) -> None:
    assert words.type_for_job(job_type) == expected


def test_lineage_flows_along_these_relations_only(words: Ontology) -> None:
    flowing = {relation.name for relation in words.relations.values() if relation.carries_lineage}

    assert flowing == {
        *("derivedFrom", "columnDerivedFrom", "reads", "writes", "feeds", "trainedOn"),
        *("computedFrom", "usesFeature"),
    }


def test_dashboards_and_models_can_be_read_written_and_derived(words: Ontology) -> None:
    for name in ("derivedFrom", "reads", "writes"):
        assert {"Dataset", "Dashboard", "Model"} <= words.subclasses(words.relations[name].range)


def test_every_relation_can_be_read_from_both_ends(words: Ontology) -> None:
    inverses = [relation.inverse for relation in words.relations.values()]

    assert None not in inverses
    assert not set(inverses) & {*words.relations, *words.attributes}


def test_to_one_relations_of_the_core_say_so(words: Ontology) -> None:
    core = (relation for relation in words.relations.values() if relation.module == "andon")

    assert {relation.name for relation in core if not relation.to_many} == {
        *("executes", "parentJob", "parentRun", "versionOf", "inDomain", "inEnvironment", "firedBy", "firedOn"),
    }


def test_the_modules_are_the_layers_and_what_cuts_across_them(words: Ontology) -> None:
    assert [module.name for module in words.modules] == MODULES
    assert not any(module.own for module in words.modules)
    terms = (*words.classes.values(), *words.relations.values(), *words.attributes.values())
    assert {term.module for term in terms} == set(MODULES)


def test_costs_have_the_columns_of_focus_under_their_names(words: Ontology) -> None:
    told = {it.name: [one.iri for one in it.alignments] for it in words.attributes.values() if it.domain == "CostItem"}

    assert {"billedCost", "billingCurrency", "chargePeriodStart", "chargePeriodEnd"} <= set(told)
    for name, iris in told.items():
        assert [iri.rpartition("#")[2] for iri in iris] == [name[0].upper() + name[1:]]


def test_the_roles_and_patterns_of_tables_are_the_words_of_andon_sql_model(words: Ontology) -> None:
    patterns = set(modelling.Kind) - {modelling.Kind.NONE}

    assert set(words.attributes["modelRole"].allowed_values) == set(modelling.Role)
    assert set(words.attributes["modelPattern"].allowed_values) == patterns


def test_what_sql_tells_of_the_keeping_of_tables_has_a_word(words: Ontology) -> None:
    """`ingest.sql.result.Property.name`, where it is about the whole table."""
    assert {"fileFormat", "compression", "storageLocation", "partitionedBy", "clusteredBy", "sortedBy"} <= set(
        words.attributes
    )


def test_every_key_class_can_be_joined_to_another(words: Ontology) -> None:
    """By a relation of its own or of an abstract class other than Entity."""
    ends = {end for relation in words.relations.values() for end in (relation.domain, relation.range)} - {"Entity"}

    assert set[str]().union(*(words.subclasses(end) for end in ends)) >= KEY_CLASSES


def test_colours_of_key_classes_differ_and_stand_out_on_white_and_on_dark(words: Ontology) -> None:
    colours = [entity.colour for entity in words.key_classes]

    assert len(set(colours)) == len(colours)
    for colour in colours:
        assert _contrast(colour, WHITE) >= 3, colour
        assert _contrast(colour, DARK) >= 3, colour


def test_colours_that_stand_in_one_legend_can_be_told_apart(words: Ontology) -> None:
    """By their distance in Oklab (B. Ottosson, 2020), where 2 is about what one can just see."""
    colours = [_oklab(entity.colour) for entity in words.key_classes]

    assert min(100 * dist(one, other) for one, other in combinations(colours, 2)) > 3.5


def test_icons_of_key_classes_differ(words: Ontology) -> None:
    for one, other in combinations(words.key_classes, 2):
        assert one.icon != other.icon


def test_no_definition_is_missing_its_full_stop_or_repeats_its_label(words: Ontology) -> None:
    terms: list[EntityType | Relation | Attribute] = [*words.classes.values(), *words.relations.values()]
    for term in [*terms, *words.attributes.values()]:
        assert term.definition.endswith("."), term.name
        assert term.definition.rstrip(".").lower() != term.label.lower()


def test_loading_takes_less_than_400_milliseconds_of_cpu() -> None:
    """In a new interpreter, with the import of the parser: what a start of the service pays."""
    script = "import time, ontology; ontology.load(); print(time.process_time())"
    idle = "import time; print(time.process_time())"

    assert min(_cpu(script) - _cpu(idle) for _ in range(3)) < 0.4


def test_asking_for_a_kind_costs_a_few_microseconds_at_most(words: Ontology) -> None:
    started = time.process_time()
    for _ in range(100_000):
        words.kind_for_namespace("postgres://db.shop:5432")

    assert (time.process_time() - started) / 100_000 < 5e-6


def test_the_package_imports_nothing_of_andon_s_other_packages() -> None:
    script = "import sys, ontology; print(*{name.split('.')[0] for name in sys.modules})"

    assert not {"graph", "ingest", "rules", "jobs", "api"} & set(_output(script).split())


def _output(script: str) -> str:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def _cpu(script: str) -> float:
    return float(_output(script))


def _oklab(colour: str) -> tuple[float, float, float]:
    red, green, blue = _linear(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2.1 defines it, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> list[float]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
