"""Versions side by side on the same held-out rows."""

from typing import Any

import pandas as pd

from vigie.artifacts import ArtifactError
from vigie_training.errors import Refused
from vigie_training.evaluate import evaluate
from vigie_training.model_registry import ModelRegistry
from vigie_training.recipes import Recipe, Report
from vigie_training.rows import Rows


def compare(registry: ModelRegistry, recipe: Recipe, rows: Rows, last: int, report: Report) -> pd.DataFrame:
    """One line per version (the newest `last` and the champion) and data set; a broken artefact is left out.

    Raises `Refused` when no version is left.
    """
    tables = []
    known = registry.versions()
    for version in [found for at, found in enumerate(known) if at < last or found.aliases]:
        report(f"evaluating version {version.number}")
        try:
            with registry.artefact(version.number) as folder:
                table = evaluate(recipe.load(folder).predict, rows).table
        except ArtifactError:
            continue
        table.insert(0, "version", version.number)
        table.insert(1, "champion", "yes" if version.aliases else "")
        tables.append(table)
    if not tables:
        raise Refused(f"{registry.name}: expected versions to compare, got none with a sound artefact")
    return pd.concat(tables, ignore_index=True)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table for people and for JSON; what has no value is null."""
    return [
        {str(key): None if isinstance(value, float) and pd.isna(value) else value for key, value in line.items()}
        for line in table.to_dict("records")
    ]
