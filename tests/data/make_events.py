"""Make the event files in `openlineage/`: the real OpenLineage Python client emits each scenario into a file.

Run `python tests/data/make_events.py` from the repository root after changing a scenario; the outcome is
the same each time. What a scenario must give in the graph is written by hand beside it, in
`<scenario>.truth.json`:

- `must_edges`, `may_edges`, `column_edges`, `may_column_edges`, `dataset_wide_edges`, `runs`, `identities`:
  of everything ever said
- `present_edges`, `present_column_edges`: lineage without history, complete
- `canonical`: `[a name, the name it is shown by]`
- `apart`: pairs of names that are two entities
- `dropped`: names that are gone but still resolve
- `former`: `[name now, name before]`
- `facets`, `no_facets`: `[key class, name, facet]` that an entity shows, or no longer shows
- `job_edges`: job to job edges, level JOB
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    Dataset,
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import (
    DatasetFacet,
    JobFacet,
    RunFacet,
    column_lineage_dataset,
    dataset_type_dataset,
    documentation_dataset,
    error_message_run,
    job_type_job,
    lifecycle_state_change_dataset,
    lineage,
    ownership_job,
    parent_run,
    schema_dataset,
    symlinks_dataset,
    tags_dataset,
)
from openlineage.client.transport.file import FileConfig, FileTransport

FOLDER = Path(__file__).parent / "openlineage"
PRODUCER = "https://andon.example/tests/make_events"
DAY = datetime(2026, 3, 1, tzinfo=UTC)

Event = RunEvent | JobEvent | DatasetEvent
Name = tuple[str, str]
DatasetFacets = dict[str, DatasetFacet]


def at(minute: float) -> str:
    """An event time so many minutes into the scenario's day, written as the clients write it."""
    return (DAY + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def run_id(text: str) -> str:
    """A run id that is the same each time the scenarios are made."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}/{text}"))


def read(name: Name, **facets: DatasetFacet) -> InputDataset:
    return InputDataset(namespace=name[0], name=name[1], facets=facets)


def written(name: Name, **facets: DatasetFacet) -> OutputDataset:
    return OutputDataset(namespace=name[0], name=name[1], facets=facets)


def run_event(
    minute: float,
    kind: RunState | None,
    job: Name,
    run: str,
    inputs: Sequence[Dataset] = (),
    outputs: Sequence[Dataset] = (),
    job_facets: Mapping[str, JobFacet] | None = None,
    run_facets: Mapping[str, RunFacet] | None = None,
) -> RunEvent:
    return RunEvent(
        eventType=kind,
        eventTime=at(minute),
        run=Run(runId=run_id(run), facets=dict(run_facets or {})),
        job=Job(namespace=job[0], name=job[1], facets=dict(job_facets or {})),
        inputs=[i if isinstance(i, InputDataset) else read((i.namespace, i.name)) for i in inputs],
        outputs=[o if isinstance(o, OutputDataset) else written((o.namespace, o.name)) for o in outputs],
        producer=PRODUCER,
    )


def dataset_event(minute: float, name: Name, **facets: DatasetFacet) -> DatasetEvent:
    dataset = StaticDataset(namespace=name[0], name=name[1], facets=facets)
    return DatasetEvent(eventTime=at(minute), dataset=dataset, producer=PRODUCER)


def schema(*names: str) -> schema_dataset.SchemaDatasetFacet:
    fields = [schema_dataset.SchemaDatasetFacetFields(name=name, type="VARCHAR") for name in names]
    return schema_dataset.SchemaDatasetFacet(fields=fields)


def symlink(name: Name, kind: str) -> symlinks_dataset.SymlinksDatasetFacet:
    return symlinks_dataset.SymlinksDatasetFacet(
        identifiers=[symlinks_dataset.Identifier(namespace=name[0], name=name[1], type=kind)]
    )


def transformation(kind: str, subtype: str, masking: bool | None = None) -> column_lineage_dataset.Transformation:
    return column_lineage_dataset.Transformation(type=kind, subtype=subtype, masking=masking)


IDENTITY = transformation("DIRECT", "IDENTITY")
MASKED = transformation("DIRECT", "TRANSFORMATION", masking=True)
FILTER = transformation("INDIRECT", "FILTER")


def source(
    name: Name, field: str, *transformations: column_lineage_dataset.Transformation
) -> column_lineage_dataset.InputField:
    return column_lineage_dataset.InputField(
        namespace=name[0], name=name[1], field=field, transformations=list(transformations)
    )


def columns_from(
    fields: Mapping[str, Sequence[column_lineage_dataset.InputField]],
    whole_dataset: Sequence[column_lineage_dataset.InputField] = (),
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={name: column_lineage_dataset.Fields(inputFields=list(inputs)) for name, inputs in fields.items()},
        dataset=list(whole_dataset),
    )


def old_column(kind: str, *inputs: column_lineage_dataset.InputField) -> column_lineage_dataset.Fields:
    """A column as facet version 1-0-x said it: one `transformationType` for all inputs."""
    return column_lineage_dataset.Fields(
        inputFields=list(inputs), transformationType=kind, transformationDescription="as before 1.1"
    )


def lifecycle(change: str, previous: Name | None = None) -> DatasetFacet:
    return lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(
        lifecycleStateChange=lifecycle_state_change_dataset.LifecycleStateChange(change),
        previousIdentifier=previous
        and lifecycle_state_change_dataset.PreviousIdentifier(namespace=previous[0], name=previous[1]),
    )


def job_type(processing: str, integration: str) -> dict[str, JobFacet]:
    return {"jobType": job_type_job.JobTypeJobFacet(processingType=processing, integration=integration)}


def parent(job: Name, run: str) -> dict[str, RunFacet]:
    return {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=run_id(run)), job=parent_run.Job(namespace=job[0], name=job[1])
        )
    }


def spark() -> list[Event]:
    """Paths with tables as symlinks, a table with its path as symlink, masked columns, a merge."""
    application = ("spark_prod", "nightly_orders")
    insert = ("spark_prod", "nightly_orders.execute_insert_into_hadoop_fs_relation_command.warehouse_orders")
    merge = ("spark_prod", "nightly_orders.execute_merge_into_command.warehouse_orders")
    revenue_job = ("hive_prod", "createtable_as_select.sales.revenue")
    landing = ("s3://landing", "orders/2026-03-01")
    landing_2 = ("s3://landing", "orders/2026-03-02")
    path = ("s3://lake", "warehouse/sales.db/orders")
    table = ("hive://metastore:9083", "sales.orders")
    revenue = ("hive://metastore:9083", "sales.revenue")
    revenue_path = ("s3://lake", "warehouse/sales.db/revenue")
    batch = job_type("BATCH", "SPARK")
    # the form before dataset-wide lineage: each INDIRECT field is copied onto every output column
    columns = columns_from(
        {
            "order_id": [source(landing, "order_id", IDENTITY), source(landing, "status", FILTER)],
            "email": [source(landing, "email", MASKED), source(landing, "status", FILTER)],
        }
    )
    return [
        run_event(0, RunState.START, application, "spark/app", job_facets=batch),
        run_event(
            1,
            RunState.START,
            insert,
            "spark/insert",
            [read(landing)],
            [written(path)],
            batch,
            parent(application, "spark/app"),
        ),
        run_event(
            3,
            RunState.COMPLETE,
            insert,
            "spark/insert",
            [],
            [
                written(
                    path,
                    symlinks=symlink(table, "TABLE"),
                    schema=schema("order_id", "email"),
                    columnLineage=columns,
                )
            ],
            batch,
            parent(application, "spark/app"),
        ),
        run_event(
            5,
            RunState.START,
            merge,
            "spark/merge",
            [read(landing_2)],
            [],
            batch,
            parent(application, "spark/app"),
        ),
        run_event(
            6,
            RunState.COMPLETE,
            merge,
            "spark/merge",
            [read(path)],
            [
                written(
                    path,
                    columnLineage=columns_from(
                        {
                            "order_id": [source(landing_2, "order_id", IDENTITY)],
                            "email": [source(path, "email", IDENTITY)],
                        }
                    ),
                )
            ],
            batch,
            parent(application, "spark/app"),
        ),
        run_event(7, RunState.COMPLETE, application, "spark/app", job_facets=batch),
        run_event(
            9,
            RunState.COMPLETE,
            revenue_job,
            "spark/revenue",
            [read(table, symlinks=symlink(path, "LOCATION"))],
            [written(revenue, symlinks=symlink(revenue_path, "LOCATION"))],
            job_type("BATCH", "HIVE"),
        ),
    ]


def dbt() -> list[Event]:
    """A project run, two models, a failing test; column lineage both new (dataset-wide) and old (1-0-x)."""
    project = ("dbt", "dbt-run-shop")
    staging_job = ("dbt", "shop.model.shop.stg_orders")
    mart_job = ("dbt", "shop.model.shop.customer_orders")
    test_job = ("dbt", "shop.test.shop.not_null_stg_orders")
    raw_orders = ("postgres://db:5432", "shop.raw.orders")
    raw_lines = ("postgres://db:5432", "shop.raw.order_lines")
    raw_customers = ("postgres://db:5432", "shop.raw.customers")
    staging = ("postgres://db:5432", "shop.staging.stg_orders")
    mart = ("postgres://db:5432", "shop.marts.customer_orders")
    batch = job_type("BATCH", "DBT")
    child = parent(project, "dbt/project")
    staging_columns = columns_from(
        {"order_id": [source(raw_orders, "id", IDENTITY)]}, [source(raw_orders, "status", FILTER)]
    )
    mart_columns = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            "order_id": old_column("IDENTITY", source(staging, "order_id")),
            "customer_email": old_column("MASKED", source(raw_customers, "email")),
        }
    )
    staged = [
        written(
            staging,
            schema=schema("order_id", "amount"),
            columnLineage=staging_columns,
            datasetType=dataset_type_dataset.DatasetTypeDatasetFacet(datasetType="VIEW"),
            documentation=documentation_dataset.DocumentationDatasetFacet(description="One row an order."),
        )
    ]
    mart_outputs = [
        written(
            mart,
            schema=schema("order_id", "customer_email"),
            columnLineage=mart_columns,
            tags=tags_dataset.TagsDatasetFacet(
                tags=[
                    tags_dataset.TagsDatasetFacetFields(key="pii", value="true", source="DBT", field="customer_email")
                ]
            ),
        )
    ]
    return [
        run_event(0, RunState.START, project, "dbt/project", job_facets=batch),
        run_event(
            1,
            RunState.START,
            staging_job,
            "dbt/staging",
            [read(raw_orders), read(raw_lines)],
            [],
            batch,
            child,
        ),
        run_event(2, RunState.COMPLETE, staging_job, "dbt/staging", [read(raw_orders)], staged, batch, child),
        run_event(
            3,
            RunState.START,
            mart_job,
            "dbt/mart",
            [read(staging), read(raw_customers)],
            mart_outputs,
            batch,
            child,
        ),
        run_event(4, RunState.COMPLETE, mart_job, "dbt/mart", job_facets=batch, run_facets=child),
        run_event(5, RunState.START, test_job, "dbt/test", [read(staging)], [], batch, child),
        run_event(
            6,
            RunState.FAIL,
            test_job,
            "dbt/test",
            job_facets=batch,
            run_facets={
                **child,
                "errorMessage": error_message_run.ErrorMessageRunFacet(
                    message="Got 3 results, configured to fail if != 0", programmingLanguage="SQL"
                ),
            },
        ),
        run_event(7, RunState.COMPLETE, project, "dbt/project", job_facets=batch),
    ]


def flink() -> list[Event]:
    """A streaming job: lineage comes on RUNNING, ABORT has none, and its next run has another sink."""
    job = ("flink_prod", "clicks_enricher")
    clicks = ("kafka://broker:9092", "clicks")
    users = ("kafka://broker:9092", "users")
    enriched = ("kafka://broker:9092", "clicks_enriched")
    enriched_2 = ("kafka://broker:9092", "clicks_enriched_v2")
    catalog_table = ("flink://catalog", "default.clicks_enriched")
    streaming = job_type("STREAMING", "FLINK")
    return [
        run_event(0, RunState.START, job, "flink/1", job_facets=streaming),
        run_event(1, RunState.RUNNING, job, "flink/1", [read(clicks)], [], streaming),
        run_event(
            2,
            RunState.RUNNING,
            job,
            "flink/1",
            [read(users)],
            [written(enriched, symlinks=symlink(catalog_table, "TABLE"))],
            streaming,
        ),
        run_event(60, RunState.ABORT, job, "flink/1", job_facets=streaming),
        run_event(61, RunState.START, job, "flink/2", job_facets=streaming),
        # an event without eventType counts as RUNNING
        run_event(62, None, job, "flink/2", [read(clicks)], [written(enriched_2)], streaming),
    ]


def failures() -> list[Event]:
    """Runs that fail before, after and beside ones that complete; two terminal events; a late START."""
    load, retry = ("airflow", "daily.load"), ("airflow", "daily.retry")
    hopeless, even = ("airflow", "daily.hopeless"), ("airflow", "daily.even")
    a, b, c, d, e, f, g, h, i, j = (("postgres://db:5432", f"shop.failures.{letter}") for letter in "abcdefghij")
    return [
        run_event(0, RunState.START, load, "failures/load/1", [read(a)], [written(b)]),
        run_event(1, RunState.FAIL, load, "failures/load/1"),
        run_event(11, RunState.COMPLETE, load, "failures/load/2", [], [written(c)]),
        run_event(10, RunState.START, load, "failures/load/2", [read(a)]),
        run_event(20, RunState.START, load, "failures/load/3", [read(a)], [written(d)]),
        run_event(21, RunState.FAIL, load, "failures/load/3"),
        run_event(0, RunState.START, retry, "failures/retry", [read(e)], [written(f)]),
        run_event(1, RunState.COMPLETE, retry, "failures/retry"),
        run_event(2, RunState.FAIL, retry, "failures/retry"),
        run_event(0, RunState.START, hopeless, "failures/hopeless/1", [read(g)], [written(b)]),
        run_event(1, RunState.FAIL, hopeless, "failures/hopeless/1"),
        run_event(5, RunState.START, hopeless, "failures/hopeless/2", [read(g)], [written(h)]),
        run_event(6, RunState.ABORT, hopeless, "failures/hopeless/2"),
        run_event(3, RunState.FAIL, even, "failures/even", [read(i)]),
        run_event(3, RunState.COMPLETE, even, "failures/even", [], [written(j)]),
    ]


def lifecycles() -> list[Event]:
    """Tables renamed, dropped, dropped and written again, and a vacated name that is written anew."""
    tables = ("x", "y", "z", "orders_old", "orders", "report", "tmp", "daily", "a", "b")
    x, y, z, orders_old, orders, report, tmp, daily, a, b = (("postgres://wh:5432", f"wh.public.{t}") for t in tables)

    def complete(minute: float, job: str, inputs: Sequence[Dataset], outputs: Sequence[Dataset]) -> RunEvent:
        return run_event(minute, RunState.COMPLETE, ("etl", job), f"lifecycles/{job}/{minute}", inputs, outputs)

    return [
        complete(0, "make_orders", [read(x)], [written(orders_old, lifecycleStateChange=lifecycle("CREATE"))]),
        complete(10, "rename_orders", [], [written(orders, lifecycleStateChange=lifecycle("RENAME", orders_old))]),
        complete(20, "report", [read(orders_old)], [written(report)]),
        complete(0, "make_tmp", [read(x)], [written(tmp)]),
        complete(5, "drop_tmp", [], [written(tmp, lifecycleStateChange=lifecycle("DROP"))]),
        complete(0, "make_daily", [read(x)], [written(daily)]),
        complete(5, "drop_daily", [], [written(daily, lifecycleStateChange=lifecycle("DROP"))]),
        complete(15, "make_daily", [read(x)], [written(daily)]),
        complete(0, "make_a", [read(y)], [written(a)]),
        complete(10, "rename_a", [], [written(b, lifecycleStateChange=lifecycle("RENAME", a))]),
        complete(20, "make_new_a", [read(z)], [written(a)]),
    ]


def explicit() -> list[Event]:
    """The `lineage` facet on runs (entries accumulate), on a dataset, job to job; replaced declarations."""
    letters = "pqrstuvwkm"
    p, q, r, s, t, u, v, w, k, m = (("postgres://db:5432", f"shop.explicit.{letter}") for letter in letters)
    enrich, static, load, transform = (("orch", name) for name in ("enrich", "static", "load", "transform"))

    def entry(
        target: Name,
        inputs: Sequence[lineage.LineageInput],
        fields: Mapping[str, lineage.LineageFieldEntry] | None = None,
    ) -> lineage.LineageDatasetEntry:
        return lineage.LineageDatasetEntry(
            namespace=target[0],
            name=target[1],
            type="DATASET",
            inputs=list(inputs),
            fields=dict(fields or {}),
        )

    def of_dataset(name: Name, field: str | None = None) -> lineage.LineageDatasetInput:
        identity = [lineage.LineageTransformation(type="DIRECT", subtype="IDENTITY")] if field else []
        return lineage.LineageDatasetInput(
            namespace=name[0], name=name[1], type="DATASET", field=field, transformations=identity
        )

    def facet(*entries: lineage.LineageEntry) -> dict[str, JobFacet]:
        return {"lineage": lineage.LineageJobFacet(entries=list(entries))}

    def declared(minute: float, source_name: Name, target: Name) -> JobEvent:
        job = Job(namespace=static[0], name=static[1])
        return JobEvent(
            eventTime=at(minute),
            job=job,
            inputs=[read(source_name)],
            outputs=[written(target)],
            producer=PRODUCER,
        )

    by_column = {"c1": lineage.LineageFieldEntry(inputs=[of_dataset(p, "c0")])}
    generated = {"total": lineage.LineageFieldEntry(inputs=[lineage.LineageJobInput(type="JOB")])}
    fed_by_transform = lineage.LineageJobEntry(
        type="JOB",
        namespace=load[0],
        name=load[1],
        inputs=[lineage.LineageJobInput(type="JOB", namespace=transform[0], name=transform[1])],
    )
    return [
        run_event(
            0,
            RunState.START,
            enrich,
            "explicit/enrich",
            [read(p), read(q)],
            [],
            facet(entry(r, [of_dataset(p)], by_column)),
        ),
        run_event(
            1,
            RunState.COMPLETE,
            enrich,
            "explicit/enrich",
            [],
            [written(r), written(s), written(t)],
            facet(entry(s, [], generated), entry(t, [of_dataset(q)])),
        ),
        declared(0, u, v),
        declared(10, u, w),
        dataset_event(0, m, lineage=lineage.LineageDatasetFacet(inputs=[of_dataset(k)])),
        run_event(5, RunState.COMPLETE, load, "explicit/load", [], [], facet(fed_by_transform)),
    ]


def others() -> list[Event]:
    """OTHER before, after and instead of the rest; ABORT; facets that are deleted."""
    letters = "abcdefgkh"
    a, b, c, d, e, f, g1, g2, h = (("postgres://db:5432", f"shop.others.{letter}") for letter in letters)
    note, abort, full, deleted = (("ops", name) for name in ("note", "abort", "full", "deleted"))
    owners: dict[str, JobFacet] = {
        "ownership": ownership_job.OwnershipJobFacet(owners=[ownership_job.Owner(name="team:ops", type="OWNER")])
    }
    documented = documentation_dataset.DocumentationDatasetFacet(description="Will be taken back.")
    return [
        run_event(0, RunState.OTHER, note, "others/note", [read(a)], [written(b)]),
        run_event(1, RunState.START, abort, "others/abort", [read(c)], []),
        run_event(2, RunState.ABORT, abort, "others/abort", [], [written(d)]),
        run_event(0, RunState.OTHER, full, "others/full", [], [written(f)], owners),
        run_event(1, RunState.START, full, "others/full", [read(e)]),
        run_event(2, RunState.COMPLETE, full, "others/full"),
        run_event(3, RunState.OTHER, full, "others/full", job_facets={"ownership": JobFacet(deleted=True)}),
        dataset_event(0, f, documentation=documented),
        dataset_event(5, f, documentation=DatasetFacet(deleted=True)),
        dataset_event(0, e, documentation=DatasetFacet(deleted=True)),
        dataset_event(5, e, documentation=documentation_dataset.DocumentationDatasetFacet(description="Stays.")),
        run_event(
            0,
            RunState.RUNNING,
            deleted,
            "others/deleted",
            [read(g1), read(g2)],
            [written(h, columnLineage=columns_from({"x": [source(g1, "x", IDENTITY)]}))],
        ),
        run_event(
            1,
            RunState.COMPLETE,
            deleted,
            "others/deleted",
            [],
            [written(h, columnLineage=DatasetFacet(deleted=True))],
        ),
    ]


def dashboards() -> list[Event]:
    """What is not a table comes in events as an input or output like any other: a dashboard, a model."""
    revenue = ("postgres://db:5432", "shop.marts.revenue")
    features = ("postgres://db:5432", "shop.marts.features")
    board = ("looker://shop", "dashboards/revenue")
    model = ("mlflow://models", "churn")
    return [
        run_event(
            0,
            RunState.COMPLETE,
            ("looker", "refresh"),
            "dashboards/refresh",
            [read(revenue)],
            [written(board)],
        ),
        run_event(1, RunState.COMPLETE, ("mlflow", "train"), "dashboards/train", [read(features)], [written(model)]),
        run_event(2, RunState.COMPLETE, ("mlflow", "score"), "dashboards/score", [read(model)], [written(revenue)]),
    ]


SCENARIOS: tuple[Callable[[], list[Event]], ...] = (
    spark,
    dbt,
    flink,
    failures,
    lifecycles,
    explicit,
    others,
    dashboards,
)


def main() -> None:
    """Write one file a scenario, one event a line, in the order in which the scenario sends them."""
    FOLDER.mkdir(exist_ok=True)
    for scenario in SCENARIOS:
        path = FOLDER / f"{scenario.__name__}.ndjson"
        path.unlink(missing_ok=True)
        client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(path), append=True)))
        for event in scenario():
            client.emit(event)
        client.close()


if __name__ == "__main__":
    main()
