"""Turns a fitted model into a sealed artefact folder, and proves that the folder gives the same answers."""

from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from vigie.artifacts import GoldenRow, golden_rows, seal, verify
from vigie.cards import HELD_OUT
from vigie_training.data import sample_texts
from vigie_training.evaluate import Evaluation
from vigie_training.measuring import folder_mib
from vigie_training.recipes import Fitted, Recipe

GOLDEN_ROWS = 24


def package(
    fitted: Fitted,
    recipe: Recipe,
    directory: Path,
    *,
    family: str,
    created_at: datetime,
    evaluation: Evaluation,
    costs: dict[str, float],
) -> dict[str, float]:
    """Writes and seals the artefact in the empty folder `directory`; the costs, now with its size.

    The golden texts are sample tweets.
    """
    fitted.save(directory)
    costs = costs | {"size_mib": folder_mib(directory)}
    (directory / HELD_OUT).write_text(evaluation.held_out().model_dump_json(), encoding="utf-8")
    texts = sample_texts()[:GOLDEN_ROWS]
    answers = fitted.predict(texts).tolist()
    golden = [GoldenRow(text=text, probability_negative=p) for text, p in zip(texts, answers, strict=True)]
    libraries = {name: version(name) for name in recipe.LIBRARIES}
    seal(
        directory,
        family=family,
        created_at=created_at,
        golden=golden,
        libraries=libraries,
        metrics=evaluation.metrics() | costs,
        golden_tolerance=recipe.GOLDEN_TOLERANCE,
    )
    return costs


def golden_problem(recipe: Recipe, directory: Path, *, family: str) -> str:
    """What differs between the golden rows and what the artefact says when it is loaded; empty when nothing does."""
    manifest = verify(directory, family=family)
    rows = golden_rows(directory)
    answers = recipe.load(directory).predict([row.text for row in rows])
    gaps = np.abs(answers - np.array([row.probability_negative for row in rows]))
    worst = int(gaps.argmax())
    if np.isfinite(gaps).all() and gaps[worst] <= manifest.golden_tolerance:
        return ""
    return f"golden row {worst}: expected {rows[worst].probability_negative:.6f}, got {answers[worst]:.6f}"
