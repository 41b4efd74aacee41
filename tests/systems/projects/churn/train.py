"""A training for tests: it comes to the quality that it is told, and registers what it made."""

import sys

import mlflow

with mlflow.start_run() as run:
    mlflow.log_metric("auc", float(sys.argv[1]))
    mlflow.MlflowClient().create_model_version("churn", f"s3://models/churn/{run.info.run_id}", run.info.run_id)
