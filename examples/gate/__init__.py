"""Pipelines that ask Andon before they go on: Airflow and dbt. docs/cord.md tells what they ask."""
