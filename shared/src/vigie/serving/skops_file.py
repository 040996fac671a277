"""Reads what a skops file holds, and builds nothing: numbers, texts, arrays, and objects as their attributes.

skops itself builds the types that a file names, and importing it with what it builds costs a predictor 150 MB.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from pydantic import JsonValue

from vigie.artifacts import ArtifactError

SCHEMA = "schema.json"
LOADERS = frozenset({"DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "TypeNode"})
MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Described:
    """An object that was not built: its type by its full name, and its attributes."""

    kind: str
    attributes: dict[str, Any]


def read_skops(path: Path, *, allowed: frozenset[str]) -> Any:
    """The content; objects are `Described`.

    Raises `ArtifactError` unless every type in the file is `allowed` and written by one of `LOADERS`: no functions.
    """
    try:
        with ZipFile(path) as file:
            if (size := sum(part.file_size for part in file.infolist())) > MOST_BYTES:
                raise ArtifactError(f"{path.name}: expected at most {MOST_BYTES} bytes unpacked, got {size}")
            schema = json.loads(file.read(SCHEMA))
            if unknown := set(_types(schema)) - allowed - LOADERS:
                raise ArtifactError(f"{path.name}: types that must not be loaded: {sorted(unknown)!r}")
            return _read(schema, file)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, BadZipFile, RecursionError) as error:
        raise ArtifactError(f"{path.name}: not a skops file: {type(error).__name__}: {error}") from error


def _types(node: JsonValue) -> Iterator[str]:
    if isinstance(node, dict):
        if "__loader__" in node:
            yield str(node["__loader__"])
            yield f"{node.get('__module__')}.{node.get('__class__')}"
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, list):
        for value in node:
            yield from _types(value)


def _read(node: Any, file: ZipFile) -> Any:
    match node["__loader__"]:
        case "JsonNode":
            return json.loads(node["content"])
        case "DictNode":
            return {name: _read(value, file) for name, value in node["content"].items()}
        case "ListNode":
            return [_read(value, file) for value in node["content"]]
        case "NdArrayNode":
            with file.open(node["file"]) as array:
                return np.load(array, allow_pickle=False)
        case "ObjectNode":
            return Described(f"{node['__module__']}.{node['__class__']}", _read(node["content"], file))
        case loader:
            raise ValueError(f"expected a value, got {loader}")
