"""Writes comparisons and artefacts to files, and logs those of a comparison as one MLflow run."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow
from pydantic import ValidationError

from vigie.artifacts import MANIFEST, Manifest
from vigie_training.charts import QualityAndCost, draw_confusions, draw_quality_and_cost
from vigie_training.comparing import Comparison, costs, quality, records
from vigie_training.errors import TrainingError
from vigie_training.rows import POOLED
from vigie_training.tracking import tracked


def make_folder(folder: Path) -> None:
    """Before time is spent on what should be written there; raises `TrainingError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TrainingError(f"{folder}: expected a folder to write to: {error.strerror}") from error


def make_room(table: Path) -> None:
    """The same for a table and what goes beside it."""
    if table.is_dir():
        raise TrainingError(f"{table}: expected the name of a file to write, got a folder")
    make_folder(table.parent)


def make_place(folder: Path) -> None:
    """The same for an artefact, which takes the place of one that is there, and of nothing else."""
    make_folder(folder)
    make_folder(folder.resolve().parent)  # where the new one is made
    if others := _others(folder):
        raise TrainingError(
            f"{folder}: expected an artefact to replace or an empty folder, got one with other files: {others[0]!r}"
        )


def put(artefact: Path, folder: Path) -> None:
    """Copies an artefact to `folder`, see `make_place`. What is there stays until the copy is whole."""
    make_place(folder)
    place = folder.resolve()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".vigie-save-") as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        shutil.copytree(artefact, new)
        try:
            place.rename(old)
            new.rename(place)
        except BaseException:  # also when it is told to stop
            if old.exists() and not place.exists():
                old.rename(place)
            raise


def absent(comparison: Comparison) -> list[str]:
    """A sentence on each version, and each family, that is left out."""
    return [
        f"left out, {one.family}{f' version {one.version}' if one.version else ''}: {one.reason}"
        for one in comparison.left_out
    ]


def write(comparison: Comparison, table: Path) -> list[Path]:
    """The table, and beside it `<name>_slices.csv`, `_mcnemar.csv`, `_confusion.png`, `_quality_and_cost.png`.

    Its folder is there.
    """
    files = [table, *(table.with_name(f"{table.stem}_{part}.csv") for part in ("slices", "mcnemar"))]
    frames = (comparison.table, comparison.slices, comparison.pairs)
    for path, frame in zip(files, frames, strict=True):
        frame.to_csv(path, index=False)
    named = [(one.name, one.evaluation) for one in comparison.contestants]
    files.append(draw_confusions(named, table.with_name(f"{table.stem}_confusion.png")))
    files.append(draw_quality_and_cost(_points(comparison), table.with_name(f"{table.stem}_quality_and_cost.png")))
    return files


@tracked
def log(run: mlflow.ActiveRun, files: Sequence[Path], *, data_hash: str, bootstrap_seed: int) -> None:
    """One run of the experiment that holds the files."""
    mlflow.set_tags({"kind": "comparison", "mlflow.runName": f"comparison {run.info.run_id[:8]}"})
    mlflow.log_params({"data_hash": data_hash, "bootstrap_seed": bootstrap_seed})
    for file in files:
        mlflow.log_artifact(str(file), "comparison")


def for_people(comparison: Comparison) -> list[tuple[str, list[dict[str, Any]]]]:
    """Titles and lines of the tables that a terminal shows."""
    widest = comparison.slices.pivot_table(index="slice", columns="model", values="accuracy", sort=False).reset_index()
    return [
        ("held-out rows, with 95 % intervals", quality(comparison)),
        ("costs", costs(comparison)),
        ("accuracy by kind of tweet", records(widest)),
        ("McNemar's test of each pair", records(comparison.pairs)),
    ]


def _others(folder: Path) -> list[str]:
    """The files there beside those of an artefact; others call a file `manifest.json` too."""
    there = {path.relative_to(folder) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return sorted(map(str, there))
    return sorted(map(str, there - {Path(MANIFEST), *map(Path, manifest.files)}))


def _points(comparison: Comparison) -> list[QualityAndCost]:
    pooled = comparison.table[comparison.table["data_set"] == POOLED]
    ends = zip(pooled["macro_recall"], pooled["macro_recall_low"], pooled["macro_recall_high"], strict=True)
    return [
        QualityAndCost(one.name, float(middle), float(low), float(high), one.costs["latency_ms"], one.costs["size_mib"])
        for one, (middle, low, high) in zip(comparison.contestants, ends, strict=True)
    ]
