"""Writes a tuned network as an ONNX graph, and a calibration into it."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import torch
from onnx import helper, numpy_helper

from vigie.encoder import SCORE, SENTENCE_VECTOR
from vigie.graphs import open_graph
from vigie_training.calibration import Platt
from vigie_training.errors import TrainingError
from vigie_training.transformer.network import SentimentNetwork
from vigie_training.transformer.tuning import LONGEST
from vigie_training.transformer.unpadded import unpad

OPSET = 20
IDENTIFIERS, MASK = "input_ids", "attention_mask"
MOST_APART = 1e-3


def export(network: SentimentNetwork, path: Path) -> None:
    """Inputs `input_ids` and `attention_mask` `[n, t]`, outputs `score` `[n]` and `sentence_vector` `[n, d]`.

    Padding is not computed (see `unpad`), but for a network that mixes tokens next to each other, as convolutions do.
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
            input_names=[IDENTIFIERS, MASK],
            output_names=[SCORE, SENTENCE_VECTOR],
            dynamic_shapes=(shape, shape),
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise TrainingError("the transformer: expected an ONNX graph of it, got none")
    onnx_ir.save(program.model, path)
    if not (apart := _apart(network, path)) <= MOST_APART:
        raise TrainingError(f"the transformer's ONNX graph: expected what torch says within {MOST_APART}, got {apart}")
    model = onnx.load(path)
    unpad(model, MASK)
    unpadded = path.with_suffix(".unpadded")
    onnx.save(model, unpadded)
    if _apart(network, unpadded) <= MOST_APART:
        unpadded.replace(path)
    unpadded.unlink(missing_ok=True)


def _apart(network: SentimentNetwork, path: Path) -> float:
    """How far the graph is from the network on rows of another shape than the example's, some of them padded."""
    identifiers = torch.arange(15).reshape(3, 5) + 5
    attention = torch.tensor([[1] * 5, [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]])
    with torch.inference_mode():
        expected = [part.numpy() for part in network(identifiers, attention)]
    inputs = {IDENTIFIERS: identifiers.numpy(), MASK: attention.numpy()}
    got = open_graph(path).run([SCORE, SENTENCE_VECTOR], inputs)
    return max(float(np.abs(one - other).max()) for one, other in zip(expected, got, strict=True))


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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells every step through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
