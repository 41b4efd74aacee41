"""Python types whose GraphQL types are scalars of our own (`scalars`)."""

from __future__ import annotations

from typing import NewType

Json = NewType("Json", object)
"""Any JSON value; bytes that came as JSON travel as `msgspec.Raw`, verbatim."""
