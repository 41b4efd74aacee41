"""Andon's answer to a record, in the form that the scorer compares."""

from __future__ import annotations

from benchmarks.sql_scores import Answer, Record
from ingest.sql import CONVENTIONS, lineage, project


def answer(record: Record) -> Answer:
    """By the record's own convention and nothing else that is known of it."""
    result = lineage(record.sql, record.dialect, record.schemas, record.default_db, record.default_schema)
    projection = project(result, CONVENTIONS[record.convention])
    return Answer(projection.inputs, projection.outputs, projection.edges)
