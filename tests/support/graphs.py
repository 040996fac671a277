"""Small ONNX graphs that know a dozen texts, in the shape that the recipes write."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from tests.support.logreg import NEGATIVE, POSITIVE
from vigie.encoder import GRAPH, SCORE, SENTENCE_VECTOR, TOKENIZER
from vigie.word_network import LENGTHS, NETWORK, VECTORS

OPSET, IR_VERSION = 20, 10
UNKNOWN = "[UNK]"
Floats = npt.NDArray[np.float32]


def word_leanings() -> dict[str, float]:
    """+1 for each positive text in which a word stands, -1 for each negative one."""
    found: dict[str, float] = {}
    for texts, step in ((NEGATIVE, -1.0), (POSITIVE, 1.0)):
        for word in " ".join(texts).replace("#", "# ").split():
            found[word] = found.get(word, 0.0) + step
    return found


def write_encoder(folder: Path, *, strength: float = 1.0) -> None:
    """`tokenizer.json` and `encoder.onnx`: the mean of two numbers per word, and their sum as the score."""
    leanings = {UNKNOWN: 0.1} | word_leanings()
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(leanings)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    column = np.array(list(leanings.values()), np.float32)[:, None] * strength
    constants = {
        "table": np.hstack([column, column / 2]),
        "slope": np.ones((2, 1), np.float32),
        "words": np.array([1]),
        "last": np.array([-1]),
        "least": np.array(1, np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
        helper.make_node("Mul", ["rows", "weights"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "words"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "words"], ["counted"], keepdims=0),
        helper.make_node("Max", ["counted", "least"], ["count"]),
        helper.make_node("Div", ["total", "count"], [SENTENCE_VECTOR]),
        helper.make_node("MatMul", [SENTENCE_VECTOR, "slope"], ["column"]),
        helper.make_node("Squeeze", ["column", "last"], [SCORE]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info(SENTENCE_VECTOR, TensorProto.FLOAT, ["n", 2]),
    ]
    _save(folder / GRAPH, nodes, inputs, outputs, constants)


def write_word_network(folder: Path, width: int, *, strength: float = 1.0) -> None:
    """`network.onnx`: the mean of the words' vectors, summed up."""
    constants = {
        "slope": np.full((width, 1), strength, np.float32),
        "words": np.array([1]),
        "last": np.array([-1]),
    }
    nodes = [
        helper.make_node("ReduceSum", [VECTORS, "words"], ["total"], keepdims=0),
        helper.make_node("Cast", [LENGTHS], ["counts"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counts", "last"], ["count"]),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("MatMul", ["mean", "slope"], ["column"]),
        helper.make_node("Squeeze", ["column", "last"], [SCORE]),
    ]
    inputs = [
        helper.make_tensor_value_info(VECTORS, TensorProto.FLOAT, ["n", "t", width]),
        helper.make_tensor_value_info(LENGTHS, TensorProto.INT32, ["n"]),
    ]
    _save(folder / NETWORK, nodes, inputs, [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["n"])], constants)


def write_foreign_graph(path: Path) -> None:
    """A graph with an operator that would have to be loaded from a library."""
    nodes = [helper.make_node("Shell", ["input_ids"], [SCORE], domain="elsewhere")]
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n"])]
    outputs = [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["n"])]
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("elsewhere", 1)]
    graph = helper.make_graph(nodes, "foreign", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION), path)


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, npt.NDArray[np.generic]],
) -> None:
    kept = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "small", inputs, outputs, kept)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION), path)
