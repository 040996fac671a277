"""Writes the Keras network as an ONNX graph, calibrated, and compares the two."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from vigie.graphs import open_graph
from vigie.word_network import LENGTHS, SCORE, VECTORS, padded_vectors
from vigie.words import Floats
from vigie_training.calibration import Platt
from vigie_training.errors import TrainingError

OPSET, IR_VERSION = 20, 10
MOST_APART = 1e-3
_KERAS_GATES, _ONNX_GATES = "ifco", "iofc"
_NODES: tuple[tuple[str, list[str], str, dict[str, int | str | list[int]]], ...] = (
    ("Transpose", ["vectors"], "by_word", {"perm": [1, 0, 2]}),
    ("LSTM", ["by_word", "w", "r", "b", "lengths"], "states", {"direction": "bidirectional"}),
    ("Transpose", ["states"], "by_text", {"perm": [2, 0, 1, 3]}),
    ("Reshape", ["by_text", "flat"], "words", {}),
    ("Shape", ["vectors"], "longest", {"start": 1, "end": 2}),
    ("Squeeze", ["longest"], "stop", {}),
    ("Range", ["zero", "stop", "one"], "places", {}),
    ("Cast", ["lengths"], "ends", {"to": TensorProto.INT64}),
    ("Unsqueeze", ["ends", "last"], "ends_column", {}),
    ("Less", ["places", "ends_column"], "present", {}),
    ("Unsqueeze", ["present", "last"], "there", {}),
    ("Where", ["there", "words", "lowest"], "for_highest", {}),
    ("ReduceMax", ["for_highest", "one_axis"], "highest", {"keepdims": 0}),
    ("Where", ["there", "words", "nothing"], "for_mean", {}),
    ("ReduceSum", ["for_mean", "one_axis"], "total", {"keepdims": 0}),
    ("Cast", ["ends_column"], "count", {"to": TensorProto.FLOAT}),
    ("Div", ["total", "count"], "mean", {}),
    ("Concat", ["highest", "mean"], "pooled", {"axis": -1}),
    ("Gemm", ["pooled", "slope", "shift"], "column", {}),
    ("Squeeze", ["column", "last"], "score", {}),
)

Array = npt.NDArray[np.generic]


def write_graph(body: keras.Model, path: Path, platt: Platt) -> None:
    """The score is `platt.slope * keras + platt.shift`. See `vigie.word_network.WordNetwork` for inputs and outputs."""
    recurrent, dense = body.get_layer("recurrent"), body.get_layer("score")
    kernels = [_direction(layer.get_weights()) for layer in (recurrent.forward_layer, recurrent.backward_layer)]
    slope, shift = dense.get_weights()
    units = kernels[0][1].shape[-1]
    constants: dict[str, Array] = {
        **{name: np.stack([kernel[place] for kernel in kernels]) for place, name in enumerate("wrb")},
        "slope": (slope * platt.slope).astype(np.float32),
        "shift": (shift * platt.slope + platt.shift).astype(np.float32),
        "flat": np.array([0, 0, 2 * units]),
        "zero": np.array(0),
        "one": np.array(1),
        "one_axis": np.array([1]),
        "last": np.array([-1]),
        "lowest": np.array(-1e9, np.float32),
        "nothing": np.array(0, np.float32),
    }
    nodes = [
        helper.make_node(kind, inputs, [output], **(attributes | ({"hidden_size": units} if kind == "LSTM" else {})))
        for kind, inputs, output, attributes in _NODES
    ]
    graph = helper.make_graph(
        nodes,
        "word_network",
        [
            helper.make_tensor_value_info(VECTORS, TensorProto.FLOAT, ["n", "t", kernels[0][0].shape[1]]),
            helper.make_tensor_value_info(LENGTHS, TensorProto.INT32, ["n"]),
        ],
        [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def check_equal(body: keras.Model, path: Path, sequences: list[Floats], platt: Platt) -> float:
    """How far graph and Keras are apart at most; raises `TrainingError` when it is more than a thousandth."""
    vectors, lengths = padded_vectors(sequences)
    present = np.arange(vectors.shape[1]) < lengths[:, None]
    expected = np.asarray(body([vectors, present]))[:, 0] * platt.slope + platt.shift
    got = open_graph(path).run([SCORE], {VECTORS: vectors, LENGTHS: lengths})[0]
    apart = float(np.abs(expected - got).max())
    if not apart <= MOST_APART:
        raise TrainingError(f"the LSTM's ONNX graph: expected Keras' scores within {MOST_APART}, got {apart:.4f} apart")
    return apart


def _direction(weights: list[Floats]) -> tuple[Floats, Floats, Floats]:
    """Keras' kernel `[d, 4u]`, recurrent kernel `[u, 4u]` and bias `[4u]` as in ONNX: `[4u, d]`, `[4u, u]`, `[8u]`."""
    kernel, recurrent, bias = weights
    order = [_KERAS_GATES.index(gate) for gate in _ONNX_GATES]

    def sorted_gates(matrix: Floats) -> Floats:
        return np.concatenate([np.split(matrix, 4, axis=-1)[gate] for gate in order], axis=-1)

    ordered = sorted_gates(bias)
    return sorted_gates(kernel).T, sorted_gates(recurrent).T, np.concatenate([ordered, np.zeros_like(ordered)])
