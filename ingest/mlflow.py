"""MLflow's model registry as facts: models, their versions, the runs that trained them and what on.

`crawl` reads through MLflow's own client (extra `mlflow`), which it is given. Secrets are not brought along: values of
parameters and tags with a telling name are masked, addresses lose user, password and query.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from graph.errors import InvalidInput
from graph.model import make_urn

SOURCE = "mlflow"
LISTED = ("Model", "ModelVersion")
"""The classes that a crawl lists whole: what it no longer sees of them is gone."""

IRI = "models:/"
"""How the `sourceIri` of what a crawl listed begins: MLflow's own way to name models."""

MASK = "***"
_AT_ONCE = 100
_MAX_VALUES = 200  # parameters or metrics of one run
_MAX_TEXT = 500  # characters of one parameter or tag
_SECRET = re.compile(r"passw|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|auth", re.I)
_USER = re.compile(r"\b(?!(?:abfss?|wasbs?)://)([a-z][a-z0-9+.-]*://)[^/@\s]+@", re.I)  # Azure has a container there
_SIGNED = re.compile(r"([?&;][\w.-]*(?:sig|token|key|secret|passw|credential)[\w.-]*=)[^&;\s]+", re.I)
_URN_TAG = "andon.urn"
_FIRING_TAG = "andon.firing"
_FIRING = re.compile(r"urn:andon:firing:andon:[0-9a-f]{32}")
_INTERNAL = "mlflow."

Entity = dict[str, object]
ByName = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""Finds the urns of the data assets that bear some names, by name."""


class Client(Protocol):
    """What is asked of `mlflow.MlflowClient`; its answers are MLflow's entities."""

    def search_registered_models(self, *, max_results: int, page_token: str | None) -> Any: ...

    def search_model_versions(self, filter_string: str, *, max_results: int, page_token: str | None) -> Any: ...

    def get_run(self, run_id: str) -> Any: ...

    def get_experiment(self, experiment_id: str) -> Any: ...


@dataclass(slots=True)
class Crawl:
    """What was seen: `listed` are urns of models and versions, `unmapped` names of datasets that no entity is."""

    listed: set[str] = field(default_factory=set)
    models: int = 0
    versions: int = 0
    unmapped: set[str] = field(default_factory=set)
    lost_runs: int = 0


def namespace_of(tracking_uri: str) -> str:
    """`mlflow://host:port` for the address of a server. Raises `InvalidInput` for a place that has none."""
    parts = urlsplit(tracking_uri)
    if parts.scheme in ("http", "https") and parts.hostname:
        return f"mlflow://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    if parts.scheme == "databricks" or tracking_uri == "databricks":
        return "mlflow://databricks" + (f"/{parts.netloc}" if parts.netloc else "")
    reason = "the tracking URI is no server's address, so the models need a namespace, such as mlflow://shop"
    raise InvalidInput(reason, field="--namespace")


class Crawler:
    """Reads a registry. `page` is where its pages begin ("http://host:5000"), "" for none.

    `is_missing` tells which of the client's errors mean that something is not there.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        by_name: ByName,
        page: str = "",
        is_missing: Callable[[Exception], bool] = lambda error: False,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._by_name = by_name
        self._page = clean(page).rstrip("/")
        self._is_missing = is_missing
        self._experiments: dict[str, Entity] = {}
        self._told: set[str] = set()
        self.seen = Crawl()

    def entities(self) -> Iterator[Entity]:
        """All that there is, models before their versions; what has been read is in `seen`."""
        for model in _paged(partial(self._client.search_registered_models, max_results=_AT_ONCE)):
            entity = self._model(model)
            self.seen.models += 1
            yield entity
            quoted = '"{}"' if "'" in str(model.name) else "'{}'"
            of_model = "name=" + quoted.format(model.name)
            for version in _paged(partial(self._client.search_model_versions, of_model, max_results=_AT_ONCE)):
                self.seen.versions += 1
                yield from self._version(version, entity, model.aliases or {})

    def _entity(self, type: str, name: str, kind: str = "") -> Entity:
        if kind:
            self.seen.listed.add(make_urn(kind, self._namespace, name))
        return {"type": type, "namespace": self._namespace, "name": name}

    def _model(self, model: Any) -> Entity:
        name = str(model.name)
        return self._entity("Model", name, "model") | {
            "description": model.description or None,
            "tags": _tags(model.tags),
            "attributes": {
                "sourceIri": IRI + quote(name, safe=""),
                "landingPage": f"{self._page}/#/models/{quote(name, safe='')}" if self._page else None,
            },
        }

    def _version(self, version: Any, model: Entity, aliases: Mapping[str, object]) -> Iterator[Entity]:
        """`aliases`: version by alias, of the whole model; a server's lists of versions leave them out."""
        number = str(version.version)
        name = f"{model['name']}/{number}"
        run = self._run(version.run_id) if version.run_id else None
        relations: dict[str, object] = {"versionOf": [_reference(model)]}
        attributes: dict[str, object] = {
            "versionNumber": number,
            "versionAlias": sorted(alias for alias, meant in aliases.items() if str(meant) == number),
            "stage": version.current_stage if version.current_stage not in (None, "None") else None,
            "status": version.status or None,
            "artifactUrl": _address(version.source),
            "sourceIri": f"{IRI}{quote(str(model['name']), safe='')}/{number}",
            "landingPage": f"{self._page}/#/models/{quote(str(model['name']), safe='')}/versions/{number}"
            if self._page
            else None,
            "metrics": None,
            "parameters": None,
            "algorithm": None,
        }
        if run is not None:
            trained = self._entity("TrainingRun", str(run.info.run_id))
            experiment = self._experiment(str(run.info.experiment_id))
            if run.info.experiment_id not in self._told:
                self._told.add(run.info.experiment_id)
                yield experiment
            yield trained | {
                "attributes": {"displayName": run.info.run_name or None},
                "relations": {"inExperiment": [_reference(experiment)], **_started_by(run.data.tags)},
            }
            relations["trainedIn"] = [_reference(trained)]
            attributes |= {
                "metrics": _metrics(run.data.metrics),
                "parameters": _parameters(run.data.params),
                "algorithm": _algorithm(run.data.tags.get("mlflow.log-model.history")),
            }
            if datasets := self._datasets(run):
                relations["trainedOn"] = datasets
        yield self._entity("ModelVersion", name, "modelversion") | {
            "description": version.description or None,
            "tags": _tags(version.tags),
            "attributes": attributes,
            "relations": relations,
        }

    def _run(self, run_id: str) -> Any:
        """None for one that was deleted."""
        try:
            return self._client.get_run(run_id)
        except Exception as error:
            if not self._is_missing(error):
                raise
            self.seen.lost_runs += 1
            return None

    def _experiment(self, id: str) -> Entity:
        if id not in self._experiments:
            try:
                name = str(self._client.get_experiment(id).name)
            except Exception as error:
                if not self._is_missing(error):
                    raise
                name = id
            self._experiments[id] = self._entity("Experiment", name)
        return self._experiments[id]

    def _datasets(self, run: Any) -> list[object]:
        """The datasets among the run's inputs that are entities, or can be: urns, or type, namespace and name."""
        found: list[object] = []
        for it in run.inputs.dataset_inputs if run.inputs is not None else ():
            target = self._dataset(it)
            if target is None:
                self.seen.unmapped.add(str(it.dataset.name))
            elif target not in found:
                found.append(target)
        return found

    def _dataset(self, used: Any) -> object | None:
        """By a tag or name that is a urn, by where it lies, by the one data asset of its table's or its own name."""
        tags = {tag.key: tag.value for tag in used.tags or ()}
        name = str(used.dataset.name or "")
        for said in (tags.get(_URN_TAG), name):
            if said and said.startswith("urn:andon:"):
                return str(said)
        source = _object(used.dataset.source)
        place = place_of(str(used.dataset.source_type or ""), source)
        if place is not None:
            return {"type": "Dataset", "namespace": place[0], "name": place[1]}
        table = source.get("delta_table_name") or source.get("table_name")
        for text in (table, name):
            meant = self._by_name([str(text)]).get(str(text), ()) if text else ()
            if len(meant) == 1:
                return meant[0]
        return None


def place_of(source_type: str, source: Mapping[str, Any]) -> tuple[str, str] | None:
    """(namespace, name), as OpenLineage names it, of a dataset that MLflow knows the place of."""
    if source_type == "hugging_face" and isinstance(source.get("path"), str):
        return "https://huggingface.co/datasets", source["path"]
    text = source.get("uri") or source.get("url") or source.get("path")
    if not isinstance(text, str) or not text.strip("/"):
        return None
    parts = urlsplit(clean(text))
    if parts.scheme in ("", "file"):
        return "file", parts.path
    if not parts.hostname or not parts.path.strip("/"):
        return None
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")


def clean(text: str) -> str:
    """Text without the secrets that addresses hold."""
    return _SIGNED.sub(rf"\g<1>{MASK}", _USER.sub(r"\1", text))


def _address(text: str | None) -> str | None:
    """An address without user, password and query; None for what is none."""
    if not text:
        return None
    parts = urlsplit(text)
    plain = clean(text.split("?", 1)[0].split("#", 1)[0])
    if not parts.scheme:
        plain = "file://" + plain if plain.startswith("/") else ""
    return re.sub(r"[\s<>\"{}|\\^`]", lambda it: quote(it[0]), plain) or None


def _started_by(tags: Mapping[str, str]) -> dict[str, object]:
    """The firing of a rule that had the run started, as its action told MLflow."""
    firing = tags.get(_FIRING_TAG, "")
    return {"startedBy": [firing]} if _FIRING.fullmatch(firing) else {}


def _tags(tags: Mapping[str, str] | None) -> list[Entity]:
    return [
        {"key": key, "value": _masked(key, str(value))} if value else {"key": key}
        for key, value in sorted((tags or {}).items())
        if not key.startswith(_INTERNAL)
    ]


def _masked(key: str, value: str) -> str:
    return MASK if _SECRET.search(key) else clean(value)[:_MAX_TEXT]


def _metrics(metrics: Mapping[str, float]) -> str | None:
    finite = {key: value for key, value in sorted(metrics.items())[:_MAX_VALUES] if math.isfinite(value)}
    return json.dumps(finite) if finite else None


def _parameters(parameters: Mapping[str, str]) -> str | None:
    said = {key: _masked(key, str(value)) for key, value in sorted(parameters.items())[:_MAX_VALUES]}
    return json.dumps(said, ensure_ascii=False) if said else None


def _algorithm(history: str | None) -> str | None:
    """The flavour that the model was logged with, as the run's tag tells: sklearn, xgboost."""
    try:
        logged = json.loads(history) if history else []
        flavors = logged[-1]["flavors"]
    except (ValueError, LookupError, TypeError):
        return None
    return next((str(it) for it in flavors if it != "python_function"), None)


def _object(text: object) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reference(entity: Mapping[str, object]) -> Entity:
    return {key: entity[key] for key in ("type", "namespace", "name")}


def _paged(ask: Callable[..., Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = ask(page_token=token)
        yield from page
        token = page.token or None
        if token is None:
            return
