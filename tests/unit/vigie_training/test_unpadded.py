"""A graph that leaves padding out: it says the same, and its products see nothing but tokens."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from transformers import BertConfig, BertModel, ConvBertConfig, ConvBertModel

from vigie.encoder import SCORE, padded
from vigie_training.transformer.export import IDENTIFIERS, MASK, export
from vigie_training.transformer.network import SentimentNetwork
from vigie_training.transformer.unpadded import unpad

WIDTH, WORDS = 8, 50
ROWS = [[[7]], [[3, 4, 5], [6, 7, 8]], [[9], [1, 2, 3, 4, 5, 6], [8, 7]], [[5] * 64, [6, 5]]]


@pytest.fixture(scope="module")
def network() -> SentimentNetwork:
    """Two layers with random weights."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    return SentimentNetwork(BertModel(config), WIDTH).eval()


@pytest.fixture(scope="module")
def graph(network: SentimentNetwork, tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    """As it is written; it also gives what its first product with a stored matrix is given."""
    path = tmp_path_factory.mktemp("made") / "graph.onnx"
    export(network, path)
    model = onnx.load(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    first = next(node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in stored)
    model.graph.output.append(helper.make_tensor_value_info(first.input[0], TensorProto.FLOAT, None))
    return model


def run(model: onnx.ModelProto, rows: list[list[int]]) -> list[npt.NDArray[np.float32]]:
    identifiers, mask = padded(rows)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[npt.NDArray[np.float32]] = session.run(None, {IDENTIFIERS: identifiers, MASK: mask})
    return found


@pytest.mark.parametrize("rows", ROWS)
def test_it_says_what_the_network_says(
    network: SentimentNetwork, graph: onnx.ModelProto, rows: list[list[int]]
) -> None:
    with torch.inference_mode():
        expected = [part.numpy() for part in network(*map(torch.from_numpy, padded(rows)))]
    for got, said in zip(run(graph, rows), expected, strict=False):
        np.testing.assert_allclose(got, said, atol=1e-5)


@pytest.mark.parametrize("rows", ROWS)
def test_products_see_tokens_alone(graph: onnx.ModelProto, rows: list[list[int]]) -> None:
    assert run(graph, rows)[-1].shape == (sum(map(len, rows)), WIDTH)


def test_a_product_that_is_given_out_is_rows_again() -> None:
    shape: list[str | int | None] = ["n", "t", WIDTH]
    values = [helper.make_tensor_value_info("looked_up", TensorProto.FLOAT, shape)]
    table = helper.make_tensor("table", TensorProto.FLOAT, [WORDS, WIDTH], np.arange(WORDS * WIDTH) / WORDS)
    square = helper.make_tensor("square", TensorProto.FLOAT, [WIDTH, WIDTH], np.eye(WIDTH).ravel() * 2)
    nodes = [
        helper.make_node("Gather", ["table", IDENTIFIERS], ["looked_up"]),
        helper.make_node("MatMul", ["looked_up", "square"], [SCORE]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in (IDENTIFIERS, MASK)]
    outputs = [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, shape)]
    made = helper.make_graph(nodes, "made", inputs, outputs, [table, square], value_info=values)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    before = run(model, ROWS[2])[0]
    unpad(model, MASK)
    assert len(model.graph.node) > len(nodes)
    after, mask = run(model, ROWS[2])[0], padded(ROWS[2])[1].astype(bool)
    np.testing.assert_allclose(after[mask], before[mask])
    assert after.shape == before.shape


def test_a_graph_that_does_not_say_its_shapes_is_left_as_it_is(graph: onnx.ModelProto) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    unpad(model, MASK)
    assert model == graph


def test_a_network_that_mixes_tokens_next_to_each_other_keeps_its_padding(tmp_path: Path) -> None:
    config = ConvBertConfig(
        vocab_size=WORDS,
        hidden_size=16,
        embedding_size=16,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=16,
    )
    mixing = SentimentNetwork(ConvBertModel(config), 16).eval()
    export(mixing, tmp_path / "graph.onnx")
    with torch.inference_mode():
        expected = mixing(*map(torch.from_numpy, padded(ROWS[2])))[0].numpy()
    np.testing.assert_allclose(run(onnx.load(tmp_path / "graph.onnx"), ROWS[2])[0], expected, atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["graph.onnx"]
