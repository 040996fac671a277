"""Runs a sentence encoder that is a TensorFlow SavedModel, such as the Universal Sentence Encoder.

Such a graph reads strings and cannot become an ONNX graph, so TensorFlow itself has to run it: the extra `savedmodel`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from vigie.artifacts import ArtifactError
from vigie.text import normalise

SAVED_MODEL = "saved_model"
TEXTS_TOGETHER = 256
REACHES_OUT = frozenset(
    {"EagerPyFunc", "MatchingFiles", "PyFunc", "PyFuncStateless", "ReadFile", "WholeFileReaderV2", "WriteFile"}
)
"""Operations that run Python or touch files of their choosing."""

Floats = npt.NDArray[np.float32]


class SavedModelEncoder:
    """A function of n strings that gives vectors `[n, d]`: the model itself, or its serving signature."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads the SavedModel in a folder.

        Raises `ArtifactError` when it is none, when TensorFlow is not installed, or when an operation in it is one of
        `REACHES_OUT`.
        """
        try:
            import tensorflow as tf  # noqa: PLC0415 (an extra: half a gigabyte that other encoders do not need)
        except ImportError as error:
            raise ArtifactError("a SavedModel needs TensorFlow: install vigie-shared[savedmodel]") from error
        _check_operations(directory)
        try:
            model = tf.saved_model.load(str(directory))
        except Exception as error:  # TensorFlow raises whatever its C++ parts say
            raise ArtifactError(f"{directory.name}: not a SavedModel: {type(error).__name__}: {error}") from error
        if callable(model):
            return cls(lambda texts: model(tf.constant(texts)))
        signatures = dict(model.signatures)
        for name in ("serving_default", "default"):
            if name in signatures:
                return cls(_by_signature(signatures[name], tf.constant))
        raise ArtifactError(
            f"{directory.name}: expected a model to call or a serving signature, got {list(signatures)}"
        )

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Of n texts: `[n, d]`. Texts are normalised here. Raises `ArtifactError` when that is not what comes."""
        parts = []
        for start in range(0, max(1, len(texts)), TEXTS_TOGETHER):
            chunk = [normalise(text) for text in texts[start : start + TEXTS_TOGETHER]] or [""]
            found = np.asarray(self._function(chunk), np.float32)
            if found.ndim != 2 or len(found) != len(chunk):
                raise ArtifactError(f"{SAVED_MODEL}: expected vectors [{len(chunk)}, d], got shape {list(found.shape)}")
            parts.append(found)
        return np.concatenate(parts)[: len(texts)]


def _by_signature(signature: Any, constant: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A signature takes its one input by name and gives its outputs by name."""
    (name,) = signature.structured_input_signature[1]

    def run(texts: Any) -> Any:
        (vectors,) = signature(**{name: constant(texts)}).values()
        return vectors

    return run


def _check_operations(directory: Path) -> None:
    from google.protobuf.message import DecodeError  # noqa: PLC0415 (comes with TensorFlow)
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: PLC0415 (see `load`)

    try:
        described = SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    except (OSError, DecodeError) as error:
        raise ArtifactError(f"{directory.name}: not a SavedModel: {type(error).__name__}: {error}") from error
    if found := set(_operations(described)) & REACHES_OUT:
        raise ArtifactError(f"{directory.name}: operations that must not be loaded: {sorted(found)!r}")


def _operations(described: Any) -> Iterator[str]:
    for part in described.meta_graphs:
        for node in part.graph_def.node:
            yield node.op
        for function in part.graph_def.library.function:
            for node in function.node_def:
                yield node.op
