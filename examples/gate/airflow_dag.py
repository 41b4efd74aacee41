"""A DAG (Airflow 3) whose first task waits at Andon's gate, without holding a worker meanwhile."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator  # type: ignore[import-not-found]
from airflow.providers.standard.sensors.python import PythonSensor  # type: ignore[import-not-found]
from airflow.sdk import DAG  # type: ignore[import-not-found]  # in an environment of its own
from airflow_gate import may_go  # type: ignore[import-not-found]  # beside it in the folder of DAGs

with DAG("daily_revenue", schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False):
    gate = PythonSensor(
        task_id="gate",
        python_callable=may_go,
        op_kwargs={"job": "airflow/daily_revenue", "if_unreachable": "stop"},
        mode="reschedule",
        poke_interval=60,
        timeout=timedelta(hours=6).total_seconds(),
    )
    revenue = EmptyOperator(task_id="revenue")  # what is to be done
    gate >> revenue
