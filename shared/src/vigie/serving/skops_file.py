"""What a skops file would build, read from its schema before anything is built.

skops refuses types that it does not know; a predictor allows only the few that its own models are made of.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from pydantic import JsonValue

from vigie.artifacts import ArtifactError

LOADERS = frozenset(
    {"DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "SparseMatrixNode", "TupleNode", "TypeNode"}
)


def check_types(path: Path, *, allowed: frozenset[str]) -> None:
    """Raises `ArtifactError` unless every type in the file is `allowed` and built by one of `LOADERS`: no functions."""
    try:
        with ZipFile(path) as file:
            found = set(_types(json.loads(file.read("schema.json"))))
    except (OSError, KeyError, ValueError, BadZipFile, RecursionError) as error:
        raise ArtifactError(f"{path.name}: not a skops file: {type(error).__name__}: {error}") from error
    if unknown := found - allowed - LOADERS:
        raise ArtifactError(f"{path.name}: types that must not be loaded: {sorted(unknown)!r}")


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
