"""Writes a tuned network as an ONNX graph, calibrated, and a compact form of it with 8-bit weights."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from vigie.encoder import SCORE, SENTENCE_VECTOR
from vigie.graphs import open_graph
from vigie_training.calibration import Platt
from vigie_training.errors import TrainingError
from vigie_training.transformer.network import SentimentNetwork
from vigie_training.transformer.tuning import LONGEST

OPSET = 20
BLOCK = 32
INTEGER_ARITHMETIC = 4
MOST_APART = 1e-3


def export(network: SentimentNetwork, path: Path) -> None:
    """Inputs `input_ids` and `attention_mask` `[n, t]`, outputs `score` `[n]` and `sentence_vector` `[n, d]`.

    Raises `TrainingError` when the graph does not say what the network says.
    """
    network.eval()
    shape = {0: torch.export.Dim("rows"), 1: torch.export.Dim("length", max=LONGEST)}
    # Two tensors: the exporter takes one that is given twice for one input.
    identifiers, attention = torch.ones((2, 7), dtype=torch.int64), torch.ones((2, 7), dtype=torch.int64)
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (identifiers, attention),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=[SCORE, SENTENCE_VECTOR],
            dynamic_shapes=(shape, shape),
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise TrainingError("the transformer: expected an ONNX graph of it, got none")
    onnx_ir.save(program.model, path)
    _check_equal(network, path)


def _check_equal(network: SentimentNetwork, path: Path) -> None:
    """On rows of another shape than the example's, one of them padded."""
    identifiers = torch.arange(15).reshape(3, 5) + 5
    attention = torch.tensor([[1] * 5, [1] * 5, [1, 1, 0, 0, 0]])
    with torch.inference_mode():
        expected = [part.numpy() for part in network(identifiers, attention)]
    inputs = {"input_ids": identifiers.numpy(), "attention_mask": attention.numpy()}
    got = open_graph(path).run([SCORE, SENTENCE_VECTOR], inputs)
    apart = max(float(np.abs(one - other).max()) for one, other in zip(expected, got, strict=True))
    if not apart <= MOST_APART:
        raise TrainingError(f"the transformer's ONNX graph: expected what torch says within {MOST_APART}, got {apart}")


def calibrate(graph: Path, platt: Platt) -> None:
    """Folds the calibration into the graph: its `score` is then the log-odds of *positive*."""
    model = onnx.load(graph)
    raw = f"{SCORE}_raw"
    for node in model.graph.node:
        node.output[:] = [raw if name == SCORE else name for name in node.output]
        node.input[:] = [raw if name == SCORE else name for name in node.input]
    for name, value in (("slope", platt.slope), ("shift", platt.shift)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"platt_{name}"))
    model.graph.node.append(helper.make_node("Mul", [raw, "platt_slope"], ["platt_scaled"]))
    model.graph.node.append(helper.make_node("Add", ["platt_scaled", "platt_shift"], [SCORE]))
    onnx.save(model, graph)


def compact(source: Path, target: Path) -> None:
    """A third or less of the size, and faster alone: every weight matrix and token vector in 8 bits.

    Each block of 32 numbers has its own scale, and so have the numbers that meet them: what a text gets does not
    depend on the texts beside it, as it does where activations share one scale (ONNX Runtime's dynamic quantisation).
    """
    model = onnx.load(source)
    _compact_lookups(model)
    with _quiet():
        quantizer = MatMulNBitsQuantizer(
            model, bits=8, block_size=BLOCK, is_symmetric=True, accuracy_level=INTEGER_ARITHMETIC
        )
        quantizer.process()
    quantizer.model.save_model_to_file(str(target))


def _compact_lookups(model: onnx.ModelProto) -> None:
    """Rows that are looked up (`Gather` from a matrix) become 8-bit numbers and a scale per row."""
    matrices = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        matrix = matrices.get(node.input[0]) if node.op_type == "Gather" else None
        if matrix is None or len(matrix.dims) != 2 or matrix.data_type != TensorProto.FLOAT:
            nodes.append(node)
            continue
        values = numpy_helper.to_array(matrix)
        scales = np.maximum(np.abs(values).max(1, keepdims=True), 1e-12) / 127
        name, rows = matrix.name, node.input[1]
        for suffix, array in (("steps", np.round(values / scales).astype(np.int8)), ("scales", scales)):
            model.graph.initializer.append(numpy_helper.from_array(array, f"{name}.{suffix}"))
        model.graph.initializer.remove(matrix)
        nodes += [
            helper.make_node("Gather", [f"{name}.steps", rows], [f"{name}.row_steps"]),
            helper.make_node("Gather", [f"{name}.scales", rows], [f"{name}.row_scales"]),
            helper.make_node("Cast", [f"{name}.row_steps"], [f"{name}.row_floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.row_floats", f"{name}.row_scales"], list(node.output)),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter and the quantiser tell every step through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
