"""A graph in 8-bit arithmetic: it says what the full one says, and the same of a text whatever stands beside it."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.support.graphs import write_encoder
from vigie.encoder import GRAPH, SCORE, TextEncoder
from vigie_training.transformer.eight_bits import Range, compact

TEXTS = ["late again", "lovely crew thanks", "where is my bag", "worst flight ever", "great great great great service"]
WIDTH = 48


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small encoder with a hidden layer between the mean of its words and the score."""
    write_encoder(tmp_path)
    model = onnx.load(tmp_path / GRAPH)
    random = np.random.default_rng(3)
    constants = {"wide": (2, WIDTH), "bias": (WIDTH,), "narrow": (WIDTH, 1)}
    for name, shape in constants.items():
        values = random.normal(size=shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    last = [node for node in model.graph.node if node.op_type in ("MatMul", "Squeeze")]
    vectors = last[0].input[0]
    for node in last:
        model.graph.node.remove(node)
    model.graph.node.extend(
        [
            helper.make_node("MatMul", [vectors, "wide"], ["hidden"]),
            helper.make_node("Add", ["hidden", "bias"], ["shifted"]),
            helper.make_node("Relu", ["shifted"], ["bent"]),
            helper.make_node("MatMul", ["bent", "narrow"], ["column"]),
            helper.make_node("Squeeze", ["column", "last"], [SCORE]),
        ]
    )
    onnx.save(model, tmp_path / GRAPH)
    compact(tmp_path / GRAPH, tmp_path / "small.onnx", TEXTS)
    return tmp_path


def scores(folder: Path, graph: str, texts: list[str]) -> list[float]:
    found: list[float] = TextEncoder.load(folder, graph).run(texts, [SCORE])[0].tolist()
    return found


def test_it_says_about_what_the_full_graph_says(folder: Path) -> None:
    full, small = scores(folder, GRAPH, TEXTS), scores(folder, "small.onnx", TEXTS)
    assert max(full) - min(full) > 1
    assert small == pytest.approx(full, abs=0.15 * (max(full) - min(full)))


def test_a_text_gets_the_same_whatever_stands_beside_it(folder: Path) -> None:
    loud = "great lovely thanks " * 20
    alone = [scores(folder, "small.onnx", [text])[0] for text in TEXTS]
    assert scores(folder, "small.onnx", [loud, *TEXTS])[1:] == pytest.approx(alone, abs=1e-6)


def test_products_are_of_integers_with_their_bias_in_them_and_tables_are_small(folder: Path) -> None:
    graph = onnx.load(folder / "small.onnx").graph
    kinds = Counter(node.op_type for node in graph.node)
    assert (kinds["MatMulIntegerToFloat"], kinds["MatMul"], kinds["Add"], kinds["QuantizeLinear"]) == (2, 0, 0, 2)
    large = [tensor.name for tensor in graph.initializer if len(tensor.dims) == 2 and tensor.data_type == 1]
    assert [name for name in large if not name.endswith(".scales")] == []


def test_zero_is_a_step_of_every_range() -> None:
    for found in (Range(), Range(-0.17, 9.3), Range(0.0, 4.0), Range(-2.0, 0.0)):
        assert 0 <= found.zero <= 255
        assert found.scale > 0


def test_a_graph_without_products_stays_what_it_is(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    model = onnx.load(tmp_path / GRAPH)
    for node in [node for node in model.graph.node if node.op_type == "MatMul"]:
        node.op_type = "Gemm"
    onnx.save(model, tmp_path / GRAPH)
    compact(tmp_path / GRAPH, tmp_path / "small.onnx", TEXTS)
    assert scores(tmp_path, "small.onnx", TEXTS) == pytest.approx(scores(tmp_path, GRAPH, TEXTS), abs=0.05)
