"""Calls an ASGI application without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp


def call(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    content: bytes | AsyncIterator[bytes] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1:8080",
) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, content=content, json=json, headers=headers)

    return asyncio.run(send())
