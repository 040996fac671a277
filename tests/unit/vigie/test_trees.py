"""A forest as arrays says what scikit-learn's says."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from vigie.artifacts import ArtifactError
from vigie.trees import FOREST_FILE, Floats, Forest
from vigie_training.recipes.forest import flattened


def grown(rows: Floats, trees: int = 7) -> RandomForestRegressor:
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(float)
    return RandomForestRegressor(trees, min_samples_leaf=3, random_state=1).fit(rows, labels)


def test_flattened_trees_say_what_scikit_learns_trees_say() -> None:
    rows = np.random.default_rng(1).normal(size=(400, 5)).astype(np.float32)
    forest = grown(rows)
    np.testing.assert_allclose(flattened(forest).mean(rows), forest.predict(rows), atol=1e-3)


def test_a_row_on_a_threshold_goes_the_same_way() -> None:
    rows = np.random.default_rng(2).integers(0, 4, size=(300, 3)).astype(np.float32) / np.float32(10)
    forest = grown(rows, trees=3)
    np.testing.assert_allclose(flattened(forest).mean(rows), forest.predict(rows), atol=1e-3)


def test_it_survives_being_written(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(100, 3)).astype(np.float32)
    forest = flattened(grown(rows))
    forest.save(tmp_path)
    np.testing.assert_array_equal(Forest.load(tmp_path).mean(rows), forest.mean(rows))


def test_parts_of_different_length_are_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(4).normal(size=(100, 3)).astype(np.float32)
    forest = flattened(grown(rows))
    forest._replace(values=forest.values[:-1]).save(tmp_path)
    with pytest.raises(ArtifactError, match=FOREST_FILE):
        Forest.load(tmp_path)
