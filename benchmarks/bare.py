"""The least a Python server can do, to hold Andon against: Starlette that takes a body and answers 201, and
graphql-core over a list in memory. Served by uvicorn with the settings that Andon uses.

`python -m benchmarks.bare [ENTITIES.json]` prints `listening on URL`.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from graphql import GraphQLSchema, build_schema, execute, parse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_SDL = """
    interface Entity {
        id: ID! urn: String! type: String! namespace: String! name: String! description: String
        dropped: Boolean! createdAt: String! updatedAt: String!
    }
    type Dataset implements Entity {
        id: ID! urn: String! type: String! namespace: String! name: String! description: String
        dropped: Boolean! createdAt: String! updatedAt: String!
    }
    type Connection { nodes: [Entity!]! }
    type Query { entities(type: String, first: Int): Connection! }
"""


async def accept(request: Request) -> Response:
    await request.body()
    return Response(status_code=201)


def graphql_over(schema: GraphQLSchema, nodes: list[dict[str, Any]]) -> Any:
    async def answer(request: Request) -> Response:
        asked = msgspec.json.decode(await request.body())
        root = {"entities": {"nodes": nodes}}
        result = execute(schema, parse(asked["query"]), root, variable_values=asked.get("variables"))
        body = msgspec.json.encode(result.formatted)  # type: ignore[union-attr]
        return Response(body, media_type="application/json")

    return answer


def main(entities: Path | None) -> None:
    nodes = msgspec.json.decode(entities.read_bytes()) if entities is not None else []
    app = Starlette(
        routes=[
            Route("/api/v1/lineage", accept, methods=["POST"]),
            Route("/graphql", graphql_over(build_schema(_SDL), nodes), methods=["POST"]),
        ]
    )
    bound = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app, http="httptools", ws="none", loop="uvloop", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False,
    )  # fmt: skip
    host, port = bound.getsockname()
    print(f"listening on http://{host}:{port}", flush=True)
    uvicorn.Server(config).run([bound])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
