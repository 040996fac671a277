"""A forest as flat arrays: fast for one row, and nothing in it could execute code."""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from vigie.artifacts import ArtifactError
from vigie.words import read_arrays

FOREST_FILE = "forest.npz"

Floats = npt.NDArray[np.float32]

_KINDS = {
    "features": "int16",
    "thresholds": "float32",
    "left": "int32",
    "values": "float16",
    "roots": "int32",
    "depth": "int64",
}


class Forest(NamedTuple):
    """Nodes of all trees in one row: a row goes to `left` if `row[feature] <= threshold`, else to `left + 1`.

    A leaf names itself as `left` with an infinite threshold; `value` is what it says. `roots` `[k]`: where each of the
    k trees starts; `depth` is that of the deepest.
    """

    features: npt.NDArray[np.int16]
    thresholds: Floats
    left: npt.NDArray[np.int32]
    values: npt.NDArray[np.float16]
    roots: npt.NDArray[np.int32]
    depth: int

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when the file is not what `save` writes."""
        arrays = read_arrays(directory / FOREST_FILE, _KINDS)
        depth = int(arrays.pop("depth"))
        forest = cls(**arrays, depth=depth)
        nodes = len(forest.left)
        if any(len(part) != nodes for part in (forest.features, forest.thresholds, forest.values)):
            raise ArtifactError(f"{FOREST_FILE}: expected {nodes} of each part of a node, got others")
        return forest

    def save(self, directory: Path) -> None:
        """Writes `forest.npz`."""
        np.savez_compressed(directory / FOREST_FILE, **self._asdict())

    def mean(self, rows: Floats) -> npt.NDArray[np.float64]:
        """The mean of what the trees say of n rows `[n, features]`: `[n]`."""
        nodes = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        places = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            nodes = self.left[nodes] + (rows[places, self.features[nodes]] > self.thresholds[nodes])
        return np.asarray(self.values[nodes].astype(np.float64).mean(1))
