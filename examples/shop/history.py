"""Six days of Kanban Coffee as OpenLineage events: a pure function of the time it is told and a seed.

A nightly batch runs once a day; the latest began two to three hours before `now` and is over, so that every
event lies in the past and "today's" failure is an hour or two old. Five things happen besides: the columns
of `orders` change, a mart is renamed, a scratch table is dropped, the stream is deployed anew, and tonight
a model fails, so that what stands downstream of it is not built.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.event_v2 import Job as JobName
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    OutputDatasetFacet,
    RunFacet,
    data_quality_assertions_dataset,
    data_quality_metrics_dataset,
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    error_message_run,
    input_statistics_input_dataset,
    lifecycle_state_change_dataset,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
)
from openlineage.client.uuid import generate_static_uuid

from examples.shop.datasets import DATABASE_TABLES, LANDING_FILES, STREAMS
from examples.shop.declare import Dataset, Job
from examples.shop.estate import (
    CLICK_STREAM,
    DASHBOARD_JOBS,
    DATASETS,
    DROP_NIGHT,
    ERROR_MESSAGE,
    ERROR_STACK,
    FAILING_COLUMN,
    FAILING_JOB,
    FAILING_NIGHT,
    FIRST_NIGHT,
    HOUSEKEEPING,
    JOBS,
    RENAME_NIGHT,
    SCHEMA_CHANGE_NIGHT,
)
from examples.shop.facets import (
    Situation,
    explicit_lineage,
    has_explicit_lineage,
    identity_facets,
    job_facets,
    name_of,
    read,
    static,
    written,
)

type_of_change = lifecycle_state_change_dataset.LifecycleStateChange

Event = RunEvent | JobEvent | DatasetEvent

SEED = 2026
DAY = timedelta(days=1)
STREAM_START = timedelta(days=6)
STREAM_HEARTBEAT = timedelta(hours=12)
CRAWLER = "https://git.kanban.coffee/data/catalog-crawler"


def history(now: datetime, seed: int = SEED) -> list[Event]:
    """All events of the days before `now` (aware), oldest first, none later than `now`.

    The same hour of `now` and the same seed give the same events, run ids included.
    """
    week = Week(latest_batch=latest_batch(now), seed=seed)
    events = [*_crawls(week), *_dashboards(week), *_stream(week), *_batches(week), *_housekeeping(week)]
    return sorted(events, key=lambda event: event.eventTime)


def latest_batch(now: datetime) -> datetime:
    """When the latest batch before `now` (aware) began."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The days of a history: when the latest batch began, and the seed of all chance."""

    latest_batch: datetime
    seed: int

    def batch(self, night: int) -> datetime:
        """When that night's batch began."""
        return self.latest_batch - night * DAY

    def situation(self, at: datetime) -> Situation:
        """What had happened by then."""
        return Situation(changed=at >= self.schema_change, renamed=at >= self.rename)

    @property
    def schema_change(self) -> datetime:
        return self.batch(SCHEMA_CHANGE_NIGHT) - timedelta(minutes=95)

    @property
    def rename(self) -> datetime:
        return self.batch(RENAME_NIGHT) + timedelta(minutes=112)

    @property
    def drop(self) -> datetime:
        return self.batch(DROP_NIGHT) + timedelta(minutes=116)

    def chance(self, *about: object) -> random.Random:
        """A generator that depends on the seed and on what it is about, not on the order of the calls."""
        return random.Random("/".join(map(str, (self.seed, *about))))

    def rows(self, dataset: Dataset, at: datetime) -> int:
        """How many rows a dataset has by then: it grows a little every day, some faster than others."""
        size = self.chance("rows", dataset.key)
        base = int(10 ** size.uniform(2.3, 5.6))
        return base + int(base * size.uniform(0.001, 0.02) * ((at - self.batch(FIRST_NIGHT)) / DAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a job: its span, and the run it belongs to."""

    job: Job
    start: datetime
    end: datetime
    run_id: str
    parent: Execution | None = None


def _batches(week: Week) -> Iterator[Event]:
    for night in range(FIRST_NIGHT, -1, -1):
        skipped = _downstream_of_failure() if night == FAILING_NIGHT else set()
        dags = {
            job.name: _execution(week, job, night, None) for job in JOBS if job.kind == "DAG" and night in job.nights
        }
        for job in JOBS:
            if night in job.nights and job.name not in skipped:
                run = dags.get(job.name) or _execution(week, job, night, dags.get(job.parent or ""))
                yield _start(week, run, night)
                yield _end(week, run, night, skipped)


def _downstream_of_failure() -> set[str]:
    """The names of the batch's jobs that wait for what the failing job should have written."""
    missing = {key for job in JOBS if job.name == FAILING_JOB for key in job.writes}
    waiting: set[str] = set()
    for job in JOBS:  # declared in the order they run
        if job.nights and job.name != FAILING_JOB and missing.intersection(job.reads):
            waiting.add(job.name)
            missing.update(job.writes)
    return waiting


def _execution(week: Week, job: Job, night: int, parent: Execution | None) -> Execution:
    chance = week.chance("time", job.name, night)
    start = week.batch(night) + timedelta(minutes=job.at, milliseconds=chance.randrange(40_000))
    if job.kind == "DAG":
        start = week.batch(night) + timedelta(minutes=job.at)
    minutes = job.minutes if job.kind == "DAG" else job.minutes * chance.uniform(0.7, 1.0)
    end = start + timedelta(minutes=minutes)
    return Execution(job=job, start=start, end=end, run_id=_run_id(week, job, start), parent=parent)


def _run_id(week: Week, job: Job, start: datetime) -> str:
    return str(generate_static_uuid(start, f"{week.seed}/{job.tool.namespace}/{job.name}".encode()))


def _start(week: Week, run: Execution, night: int) -> RunEvent:
    situation = week.situation(run.start)
    return _event(
        week,
        run,
        run.start,
        RunState.START,
        inputs=[read(key, situation) for key in run.job.reads],
        facets={
            "nominalTime": nominal_time_run.NominalTimeRunFacet(nominalStartTime=_text(week.batch(night))),
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                name=run.job.tool.name, version=run.job.tool.version, openlineageAdapterVersion="1.54.0"
            ),
        },
    )


def _end(week: Week, run: Execution, night: int, skipped: set[str]) -> RunEvent:
    job, failed = run.job, _fails(run.job, night)
    situation = week.situation(run.start)
    if not failed:
        return _event(
            week,
            run,
            run.end,
            RunState.COMPLETE,
            inputs=[read(key, situation, _measured(week, job, key, run.end)) for key in job.reads],
            outputs=_outputs(week, run, situation),
            said_by_job=explicit_lineage(job, situation),
        )
    if job.kind == "DAG":
        message, stack = (
            f"1 model failed ({FAILING_JOB}), {len(skipped)} jobs downstream of it did not run",
            None,
        )
    else:
        message, stack = ERROR_MESSAGE, ERROR_STACK
    return _event(
        week,
        run,
        run.end,
        RunState.FAIL,
        inputs=[read(key, situation, _tested(job, key, failed=True)) for key in job.reads],
        outputs=[
            OutputDataset(
                namespace=DATASETS[key].namespace,
                name=DATASETS[key].name,
                facets=identity_facets(DATASETS[key]),
            )
            for key in job.writes
        ],
        facets={
            "errorMessage": error_message_run.ErrorMessageRunFacet(
                message=message, programmingLanguage="PYTHON", stackTrace=stack
            )
        },
    )


def _fails(job: Job, night: int) -> bool:
    """Whether that run fails: the failing model's, and that of the DAG it belongs to."""
    dag = FAILING_JOB.partition(".")[0]
    return night == FAILING_NIGHT and (job.name == FAILING_JOB or (job.kind == "DAG" and job.name == dag))


def _event(
    week: Week,
    run: Execution,
    at: datetime,
    state: RunState,
    *,
    inputs: list[InputDataset] | None = None,
    outputs: list[OutputDataset] | None = None,
    facets: dict[str, RunFacet] | None = None,
    said_by_job: dict[str, JobFacet] | None = None,
) -> RunEvent:
    job = run.job
    about_job = job_facets(job, week.situation(run.start), streaming=job is CLICK_STREAM)
    return RunEvent(
        eventType=state,
        eventTime=_text(at),
        run=Run(runId=run.run_id, facets={**_parent(run), **(facets or {})}),
        job=JobName(
            namespace=job.tool.namespace,
            name=job.name,
            facets={**about_job, **(said_by_job or {})},
        ),
        inputs=inputs or [],
        outputs=outputs or [],
        producer=job.tool.producer,
    )


def _parent(run: Execution) -> dict[str, RunFacet]:
    parent = run.parent
    if parent is None:
        return {}
    namespace, name = parent.job.tool.namespace, parent.job.name
    return {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=parent.run_id),
            job=parent_run.Job(namespace=namespace, name=name),
            root=parent_run.Root(
                run=parent_run.RootRun(runId=parent.run_id),
                job=parent_run.RootJob(namespace=namespace, name=name),
            ),
        )
    }


def _outputs(week: Week, run: Execution, situation: Situation) -> list[OutputDataset]:
    selects = () if has_explicit_lineage(run.job) else run.job.selects
    made = {select.into: select for select in selects}
    return [
        written(
            key,
            situation,
            made.get(key),
            _measures(week, DATASETS[key], run.end),
            _statistics(week, DATASETS[key], run.end),
        )
        for key in run.job.writes
    ]


def _statistics(week: Week, dataset: Dataset, at: datetime) -> dict[str, OutputDatasetFacet]:
    if not dataset.columns or dataset.kind == "VIEW":
        return {}
    rows = week.rows(dataset, at)
    return {
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=rows, size=rows * 18 * len(dataset.columns), fileCount=1 + rows // 50_000
        )
    }


def _measures(week: Week, dataset: Dataset, at: datetime) -> dict[str, DatasetFacet]:
    """A model's version, a mart's column metrics."""
    if dataset.kind == "MODEL":
        version = 7 + (at - week.batch(FIRST_NIGHT)) // DAY
        return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(version))}
    if not dataset.name.startswith("analytics.marts."):
        return {}
    rows = week.rows(dataset, at)
    chance = week.chance("metrics", dataset.key, at)
    return {
        "dataQualityMetrics": data_quality_metrics_dataset.DataQualityMetricsDatasetFacet(
            rowCount=rows,
            columnMetrics={
                column.name: data_quality_metrics_dataset.ColumnMetrics(
                    nullCount=0 if position == 0 else int(rows * chance.choice((0, 0, 0.002, 0.01))),
                    distinctCount=rows if position == 0 else max(1, int(rows * chance.uniform(0.001, 0.4))),
                )
                for position, column in enumerate(dataset.columns_in(week.situation(at).changed))
            },
        )
    }


def _measured(week: Week, job: Job, key: str, at: datetime) -> dict[str, InputDatasetFacet]:
    """What a run found in an input: tests for dbt, counts for whatever reads files and databases."""
    if job.tool.integration == "DBT":
        return _tested(job, key, failed=False)
    dataset = DATASETS[key]
    if not dataset.columns:
        return {}
    rows = week.rows(dataset, at)
    facets: dict[str, InputDatasetFacet] = {
        "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows)
    }
    if dataset.kind == "FILE":
        facets["dataQualityMetrics"] = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            rowCount=rows, fileCount=1, bytes=rows * 61, columnMetrics={}
        )
    return facets


def _tested(job: Job, key: str, failed: bool) -> dict[str, InputDatasetFacet]:
    """The data tests of a dbt model's input; on the failing night one of them says why."""
    dataset = DATASETS[key]
    if job.tool.integration != "DBT":
        return {}
    tests = [
        data_quality_assertions_dataset.Assertion(
            assertion="not_null", success=True, column=dataset.columns[0].name, severity="error"
        )
    ]
    if job.name == FAILING_JOB and key == FAILING_COLUMN[0]:
        tests.append(
            data_quality_assertions_dataset.Assertion(
                assertion="is_decimal",
                success=not failed,
                column=FAILING_COLUMN[1],
                severity="warn",
                name="stg_settlements_fee_is_decimal",
                description="The provider sends fees with a decimal point and without a currency.",
                expected="1.35",
                actual="1,35 EUR" if failed else "1.35",
            )
        )
    return {
        "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=tests)
    }


def _crawls(week: Week) -> Iterator[Event]:
    """The catalogue's crawl of the sources, at first and again for the table whose columns change."""
    first = week.latest_batch - STREAM_START - timedelta(hours=1)
    for number, dataset in enumerate((*DATABASE_TABLES, *LANDING_FILES, *STREAMS)):
        yield _crawl(week, dataset, first + number * timedelta(seconds=2), {})
    altered = lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(lifecycleStateChange=type_of_change.ALTER)
    yield _crawl(week, DATASETS["orders"], week.schema_change, {"lifecycleStateChange": altered})


def _crawl(week: Week, dataset: Dataset, at: datetime, facets: dict[str, DatasetFacet]) -> DatasetEvent:
    return DatasetEvent(eventTime=_text(at), dataset=static(dataset, week.situation(at), facets), producer=CRAWLER)


def _dashboards(week: Week) -> Iterator[Event]:
    """What each dashboard queries, told once: a definition, not a run."""
    first = week.batch(FIRST_NIGHT) + timedelta(minutes=105)
    for number, job in enumerate(DASHBOARD_JOBS):
        at = first + number * timedelta(seconds=5)
        situation = week.situation(at)
        yield JobEvent(
            eventTime=_text(at),
            job=JobName(namespace=job.tool.namespace, name=job.name, facets=job_facets(job, situation)),
            inputs=[read(key, situation) for key in job.reads],
            outputs=[written(key, situation, None) for key in job.writes],
            producer=job.tool.producer,
        )


def _stream(week: Week) -> Iterator[Event]:
    """The click stream: a run that a deployment ends, and one that goes on."""
    begin, deployment = week.latest_batch - STREAM_START, week.batch(SCHEMA_CHANGE_NIGHT) + timedelta(hours=4)
    still = week.latest_batch + timedelta(minutes=100)
    for start, end, last in ((begin, deployment, RunState.ABORT), (deployment, still, RunState.RUNNING)):
        start += timedelta(seconds=20)
        run = Execution(job=CLICK_STREAM, start=start, end=end, run_id=_run_id(week, CLICK_STREAM, start), parent=None)
        yield _stream_event(week, run, start, RunState.START)
        at = start + STREAM_HEARTBEAT
        while at < end:
            yield _stream_event(week, run, at, RunState.RUNNING)
            at += STREAM_HEARTBEAT
        yield _stream_event(week, run, end, last)


def _stream_event(week: Week, run: Execution, at: datetime, state: RunState) -> RunEvent:
    situation = week.situation(at)
    if state is RunState.ABORT:  # as Flink does: the end of a stream names no datasets
        return _event(week, run, at, state)
    return _event(
        week,
        run,
        at,
        state,
        inputs=[read(key, situation) for key in run.job.reads],
        outputs=[written(select.into, situation, select) for select in run.job.selects],
        facets={
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                name=run.job.tool.name, version=run.job.tool.version, openlineageAdapterVersion="1.54.0"
            )
        },
    )


def _housekeeping(week: Week) -> Iterator[Event]:
    """The mart's rename and the scratch table's end, each in a run of its own."""
    mart, scratch = DATASETS["mart_marketing_roi"], DATASETS["ltv_backfill"]
    renamed = lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(
        lifecycleStateChange=type_of_change.RENAME,
        previousIdentifier=lifecycle_state_change_dataset.PreviousIdentifier(
            namespace=mart.namespace, name=mart.former_name or mart.name
        ),
    )
    dropped = lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(lifecycleStateChange=type_of_change.DROP)
    for dataset, at, change in ((mart, week.rename, renamed), (scratch, week.drop, dropped)):
        start = at - timedelta(seconds=3)
        run = Execution(job=HOUSEKEEPING, start=start, end=at, run_id=_run_id(week, HOUSEKEEPING, start))
        yield _event(week, run, start, RunState.START)
        yield _event(
            week,
            run,
            at,
            RunState.COMPLETE,
            outputs=[
                OutputDataset(
                    namespace=dataset.namespace,
                    name=name_of(dataset, week.situation(at)),
                    facets={"lifecycleStateChange": change},
                )
            ],
        )


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
