"""As much of JSON Schema 2020-12 as OpenLineage's own schemas use, by their `$id`s."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
_KNOWN = frozenset(
    "$schema $id $defs $ref type properties required additionalProperties items enum allOf anyOf oneOf not"
    " dependentRequired format minimum title description documentation deprecated example".split()
)


class Schemas:
    """The schema files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._by_id: dict[str, Any] = {}
        for path in folder.rglob("*.json"):
            content = json.loads(path.read_text())
            if isinstance(content, dict) and "$id" in content:
                self._by_id[content["$id"]] = content

    def errors(self, value: Any, url: str) -> list[str]:
        """What is wrong with a value by the schema at a URL (`<$id>#/$defs/X`)."""
        base, schema = self._resolve(url, "")
        return list(self._errors(value, schema, base, "$"))

    def _resolve(self, url: str, base: str) -> tuple[str, Any]:
        document, _, pointer = url.partition("#")
        schema = self._by_id[document or base]
        for key in pointer.split("/")[1:]:
            schema = schema[key]
        return document or base, schema

    def _errors(self, value: Any, schema: dict[str, Any], base: str, at: str) -> Iterator[str]:
        assert schema.keys() <= _KNOWN, f"{schema.keys() - _KNOWN} is not known here"
        if "$ref" in schema:
            other, found = self._resolve(schema["$ref"], base)
            yield from self._errors(value, found, other, at)
        for part in schema.get("allOf", ()):
            yield from self._errors(value, part, base, at)
        for word, most in (("anyOf", 99), ("oneOf", 1)):
            if word in schema:
                tried = [list(self._errors(value, part, base, at)) for part in schema[word]]
                if not 1 <= sum(not one for one in tried) <= most:
                    yield f"{at}: {word} of {tried}"
        if "not" in schema and not list(self._errors(value, schema["not"], base, at)):
            yield f"{at}: is what it must not be"
        if "type" in schema and not isinstance(value, _TYPES[schema["type"]]):
            yield f"{at}: no {schema['type']}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: none of {schema['enum']}"
        if isinstance(value, str) and "format" in schema and not _is_of(schema["format"], value):
            yield f"{at}: no {schema['format']}"
        if isinstance(value, dict):
            yield from self._of_object(value, schema, base, at)
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self._errors(item, schema["items"], base, f"{at}[{index}]")

    def _of_object(self, value: dict[str, Any], schema: dict[str, Any], base: str, at: str) -> Iterator[str]:
        wanted = [*schema.get("required", ())]
        wanted += (key for one, others in schema.get("dependentRequired", {}).items() if one in value for key in others)
        yield from (f"{at}: needs {key}" for key in wanted if key not in value)
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for key, item in value.items():
            if key in properties:
                yield from self._errors(item, properties[key], base, f"{at}.{key}")
            elif isinstance(others, dict):
                yield from self._errors(item, others, base, f"{at}.{key}")
            elif others is False:
                yield f"{at}: has {key}"


def _is_of(format: str, text: str) -> bool:
    try:
        if format == "uri":
            return bool(urlsplit(text).scheme)
        if format == "uuid":
            return bool(UUID(text))
        assert format == "date-time", format
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
