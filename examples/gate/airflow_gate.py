"""Asks Andon's gate from an Airflow task; copy it beside your DAGs. It needs nothing but Python.

`airflow_dag.py` shows it in a DAG. Where Andon is: ANDON_URL; its key, where it asks for one: ANDON_API_KEY.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

log = logging.getLogger(__name__)

ANSWER_WITHIN = 10  # seconds


class GateRefused(Exception):
    """The question itself is wrong: a key, a dataset that is not there. Asking again would not mend it."""


Names = str | list[str] | None
"""One or several, each as namespace/name or as a urn."""


def may_go(job: Names = None, dataset: Names = None, product: Names = None, if_unreachable: str = "stop") -> bool:
    """Whether all that is asked about may go. For a sensor, which asks again until it is true.

    What stops it is in the task's log. `if_unreachable`: go or stop.
    """
    try:
        answer = ask({"job": job, "dataset": dataset, "product": product})
    except URLError as error:  # HTTPError is one too
        log.warning("Andon does not answer: %s", error)
        return if_unreachable == "go"
    for stop in answer["stops"]:
        log.warning(
            "%s: %s (since %s, %s) via %s",
            stop["policy"], stop["cause"], stop["since"], stop["owner"], " > ".join(stop["via"]),
        )  # fmt: skip
    for note in answer["notes"]:
        log.info(note)
    return bool(answer["go"])


def ask(asked: Mapping[str, Names]) -> dict[str, Any]:
    """The gate's answer. Raises `GateRefused`, and `URLError` where there is none."""
    url = os.environ.get("ANDON_URL", "http://127.0.0.1:8080")
    key = os.environ.get("ANDON_API_KEY")
    request = Request(
        f"{url.rstrip('/')}/api/v1/gate?{urlencode({it: said for it, said in asked.items() if said}, doseq=True)}",
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )
    try:
        with urlopen(request, timeout=ANSWER_WITHIN) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except HTTPError as error:
        if error.code >= 500:
            raise
        raise GateRefused(json.load(error).get("detail", error.reason)) from None
    except TimeoutError as error:
        raise URLError(error) from None
