"""The door for own types: `POST /api/v1/ontology/{name}` takes a Turtle file, `DELETE` forgets it, `GET` tells what is
in force. For callers with the scope `admin`; to read, `read`."""

from __future__ import annotations

from dataclasses import asdict

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Scope
from api.bodies import read_body
from api.front import CALLER
from api.vocabulary import MAX_BYTES, Vocabulary
from graph.errors import NotAllowed

TURTLE = frozenset({"text/turtle", "application/x-turtle"})


class OntologyDoor:
    """Starlette endpoints over one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    async def tell(self, request: Request) -> Response:
        """`{"version", "fault", "modules": [{"name", "label", "version", "own"}]}`."""
        request.scope[CALLER].require(Scope.READ)
        held = self._vocabulary
        shown = ("name", "label", "version", "own")
        modules = [{key: getattr(it, key) for key in shown} for it in held.ontology.modules]
        return _json({"version": held.ontology.version, "fault": held.fault, "modules": modules})

    async def put(self, request: Request) -> Response:
        """Answers what was added, changed and removed; 400 with file, line and reason where the file is refused."""
        _require(request)
        body = await read_body(request.scope["headers"], request.receive, MAX_BYTES, TURTLE)
        return _json(asdict(await anyio.to_thread.run_sync(self._vocabulary.put, request.path_params["name"], body)))

    async def remove(self, request: Request) -> Response:
        _require(request)
        return _json(asdict(await anyio.to_thread.run_sync(self._vocabulary.remove, request.path_params["name"])))


def _require(request: Request) -> None:
    """As for mutations: a page of somebody else's cannot set this header."""
    request.scope[CALLER].require(Scope.ADMIN)
    if "x-andon-csrf" not in request.headers:
        raise NotAllowed("a change of the ontology needs the header 'X-Andon-Csrf: 1'")


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
