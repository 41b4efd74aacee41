"""The estate in OpenLineage's terms: declarations in, the official client's facets and datasets out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from openlineage.client.event_v2 import InputDataset, OutputDataset, StaticDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    OutputDatasetFacet,
    column_lineage_dataset,
    dataset_type_dataset,
    datasource_dataset,
    documentation_dataset,
    documentation_job,
    job_type_job,
    lineage,
    ownership_dataset,
    ownership_job,
    schema_dataset,
    source_code_location_job,
    sql_job,
    storage_dataset,
    symlinks_dataset,
    tags_dataset,
)

from examples.shop.datasets import DATASETS
from examples.shop.declare import COLUMN_REFERENCE, Dataset, Influence, Job, Select, influences, references

SHOWN_TYPES = {"TABLE", "VIEW", "TOPIC", "FILE"}
REPOSITORY = "https://git.kanban.coffee/data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What of this week has happened already: the schema change of `orders`, the rename of a mart."""

    changed: bool
    renamed: bool


def name_of(dataset: Dataset, situation: Situation) -> str:
    """The dataset's name at that time."""
    return dataset.name if situation.renamed or dataset.former_name is None else dataset.former_name


def schema(dataset: Dataset, situation: Situation) -> schema_dataset.SchemaDatasetFacet:
    """The columns there are at that time, numbered from 1."""
    return schema_dataset.SchemaDatasetFacet(
        fields=[
            schema_dataset.SchemaDatasetFacetFields(
                name=column.name,
                type=column.type,
                description=column.description or None,
                ordinal_position=ordinal,
            )
            for ordinal, column in enumerate(dataset.columns_in(situation.changed), start=1)
        ]
    )


def made_columns(select: Select, situation: Situation) -> dict[str, str]:
    """The select's columns and expressions that exist at that time, in the output's order."""
    return {
        column.name: select.columns[column.name]
        for column in DATASETS[select.into].columns_in(situation.changed)
        if column.name in select.columns
    }


def column_lineage(select: Select, situation: Situation) -> column_lineage_dataset.ColumnLineageDatasetFacet | None:
    """The facet (1-2-0) of the select's output; joins, filters and grouping stand once, in `dataset`."""
    made = {name: influences(expression) for name, expression in made_columns(select, situation).items()}
    fields = {
        name: column_lineage_dataset.Fields(inputFields=_input_fields(found, situation))
        for name, found in made.items()
        if found
    }
    if not fields:
        return None
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields=fields, dataset=_input_fields(select.row_influences, situation)
    )


def _input_fields(found: Iterable[Influence], situation: Situation) -> list[column_lineage_dataset.InputField]:
    """One input field a source column, with all the ways it acts."""
    ways: dict[tuple[str, str], list[column_lineage_dataset.Transformation]] = defaultdict(list)
    for influence in found:
        ways[influence.of.table, influence.of.column].append(
            column_lineage_dataset.Transformation(
                type=influence.type,
                subtype=influence.subtype,
                description=influence.description or None,
                masking=influence.masking or None,
            )
        )
    return [
        column_lineage_dataset.InputField(
            namespace=DATASETS[table].namespace,
            name=name_of(DATASETS[table], situation),
            field=column,
            transformations=transformations,
        )
        for (table, column), transformations in ways.items()
    ]


def sql(select: Select, situation: Situation) -> str:
    """The query as the tool runs it, tables under their full names with the estate's keys as aliases."""
    made = made_columns(select, situation)
    columns = [
        expression
        if COLUMN_REFERENCE.fullmatch(expression) and references(expression)[0].column == name
        else f"{expression} as {name}"
        for name, expression in made.items()
    ]
    lines = [
        "select",
        ",\n".join(f"    {column}" for column in columns),
        f"from {_aliased(select.source, situation)}",
    ]
    for join, table in zip(select.joins, select.tables[1:], strict=True):
        lines.append(join.replace(f"join {table} on", f"join {_aliased(table, situation)} on"))
    if select.where:
        lines.append(f"where {select.where}")
    if select.group_by:
        lines.append("group by " + ", ".join(select.group_by))
    return "\n".join(lines)


def _aliased(key: str, situation: Situation) -> str:
    return f"{name_of(DATASETS[key], situation)} as {key}"


def describing_facets(dataset: Dataset) -> dict[str, DatasetFacet]:
    """What a dataset is: documentation, owners, tags, where it lies."""
    facets: dict[str, DatasetFacet] = {
        "documentation": documentation_dataset.DocumentationDatasetFacet(description=dataset.description),
        "ownership": ownership_dataset.OwnershipDatasetFacet(
            owners=[ownership_dataset.Owner(name=owner.name, type=owner.role) for owner in dataset.owners]
        ),
        **identity_facets(dataset),
    }
    if dataset.kind in SHOWN_TYPES:
        facets["datasetType"] = dataset_type_dataset.DatasetTypeDatasetFacet(datasetType=dataset.kind)
    if dataset.file_format:
        facets["storage"] = storage_dataset.StorageDatasetFacet(
            storageLayer=dataset.namespace.partition(":")[0], fileFormat=dataset.file_format
        )
    if tags := _tags(dataset):
        facets["tags"] = tags_dataset.TagsDatasetFacet(tags=tags)
    return facets


def _tags(dataset: Dataset) -> list[tags_dataset.TagsDatasetFacetFields]:
    return [
        *(tags_dataset.TagsDatasetFacetFields(key=tag, value="true", source="CATALOG") for tag in dataset.tags),
        *(
            tags_dataset.TagsDatasetFacetFields(key=tag, value="true", source="CATALOG", field=column.name)
            for column in dataset.columns
            for tag in column.tags
        ),
    ]


def identity_facets(dataset: Dataset) -> dict[str, DatasetFacet]:
    """By what other name a dataset goes, and the system it is in."""
    facets: dict[str, DatasetFacet] = {
        "dataSource": datasource_dataset.DatasourceDatasetFacet(name=dataset.source, uri=dataset.namespace)
    }
    if dataset.table is not None:
        namespace, name = dataset.table
        facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(
            identifiers=[symlinks_dataset.Identifier(namespace=namespace, name=name, type="TABLE")]
        )
    return facets


def static(dataset: Dataset, situation: Situation, facets: dict[str, DatasetFacet]) -> StaticDataset:
    """The dataset with all that is known of it, and `facets` besides: what a catalogue's crawl says."""
    return StaticDataset(
        namespace=dataset.namespace,
        name=name_of(dataset, situation),
        facets={**_schema_if_any(dataset, situation), **describing_facets(dataset), **facets},
    )


def read(key: str, situation: Situation, input_facets: dict[str, InputDatasetFacet] | None = None) -> InputDataset:
    """The dataset of that key as a run's input."""
    dataset = DATASETS[key]
    return InputDataset(
        namespace=dataset.namespace,
        name=name_of(dataset, situation),
        facets=identity_facets(dataset),
        inputFacets=input_facets or {},
    )


def written(
    key: str,
    situation: Situation,
    select: Select | None,
    facets: dict[str, DatasetFacet] | None = None,
    output_facets: dict[str, OutputDatasetFacet] | None = None,
) -> OutputDataset:
    """The dataset of that key as an output that `select` has made, with schema and column lineage."""
    dataset = DATASETS[key]
    by_column = column_lineage(select, situation) if select else None
    return OutputDataset(
        namespace=dataset.namespace,
        name=name_of(dataset, situation),
        facets={
            **_schema_if_any(dataset, situation),
            **describing_facets(dataset),
            **({"columnLineage": by_column} if by_column else {}),
            **(facets or {}),
        },
        outputFacets=output_facets or {},
    )


def _schema_if_any(dataset: Dataset, situation: Situation) -> dict[str, DatasetFacet]:
    return {"schema": schema(dataset, situation)} if dataset.columns else {}


def job_facets(job: Job, situation: Situation, streaming: bool = False) -> dict[str, JobFacet]:
    """What a job is: its type, documentation, owners, code and, where it runs SQL, the query."""
    facets: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="STREAMING" if streaming else "BATCH",
            integration=job.tool.integration,
            jobType=job.kind,
        ),
        "documentation": documentation_job.DocumentationJobFacet(description=job.description),
        "ownership": ownership_job.OwnershipJobFacet(
            owners=[ownership_job.Owner(name=owner.name, type=owner.role) for owner in job.owners]
        ),
    }
    queried = [select for select in job.selects if not DATASETS[select.source].namespace.startswith("s3:")]
    if job.tool.dialect and queried:
        facets["sql"] = sql_job.SQLJobFacet(
            query=";\n\n".join(sql(select, situation) for select in queried), dialect=job.tool.dialect
        )
    if path := _code_path(job):
        facets["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
            type="git", url=f"{REPOSITORY}/{path}", branch="main"
        )
    return facets


def has_explicit_lineage(job: Job) -> bool:
    """Whether a job makes columns from some inputs and takes others, a model, as a whole.

    Column lineage cannot say the second, and where it is present it is all that is taken; so such a job says
    both in the newer `lineage` facet.
    """
    return bool(job.selects and job.also_reads)


def explicit_lineage(job: Job, situation: Situation) -> dict[str, JobFacet]:
    """The `lineage` facet of a job that has one."""
    if not has_explicit_lineage(job):
        return {}
    entries: list[lineage.LineageEntry] = [_entry(job, select, situation) for select in job.selects]
    return {"lineage": lineage.LineageJobFacet(entries=entries)}


def _entry(job: Job, select: Select, situation: Situation) -> lineage.LineageDatasetEntry:
    made = DATASETS[select.into]
    columns = {name: influences(expression) for name, expression in made_columns(select, situation).items()}
    return lineage.LineageDatasetEntry(
        namespace=made.namespace,
        name=name_of(made, situation),
        type="DATASET",
        inputs=[_whole(key, situation) for key in (*select.tables, *job.also_reads)],
        fields={
            name: lineage.LineageFieldEntry(inputs=[_part(influence, situation) for influence in found])
            for name, found in columns.items()
            if found
        },
    )


def _whole(key: str, situation: Situation) -> lineage.LineageDatasetInput:
    dataset = DATASETS[key]
    return lineage.LineageDatasetInput(namespace=dataset.namespace, name=name_of(dataset, situation), type="DATASET")


def _part(influence: Influence, situation: Situation) -> lineage.LineageDatasetInput:
    dataset = DATASETS[influence.of.table]
    return lineage.LineageDatasetInput(
        namespace=dataset.namespace,
        name=name_of(dataset, situation),
        type="DATASET",
        field=influence.of.column,
        transformations=[
            lineage.LineageTransformation(
                type=influence.type, subtype=influence.subtype, description=influence.description or None
            )
        ],
    )


def _code_path(job: Job) -> str | None:
    if job.tool.name == "dbt":
        model = DATASETS[job.writes[0]]
        layer = model.name.split(".")[1]
        return f"shop-marts/models/{layer}/{model.key}.sql"
    if job.tool.name == "Airflow":
        return f"dags/{job.name.partition('.')[0]}.py"
    return None
