"""A network's ONNX graph with 8-bit arithmetic: a quarter of the size, and more than twice as fast where it is served.

Every number has a scale that was fixed here, from texts like those that will come: what a text gets does not depend on
the texts beside it, as it does where the scale is that of the batch (ONNX Runtime's dynamic quantisation), and nobody
looks for the largest number of a batch while it is computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from vigie.encoder import Inputs, TextEncoder
from vigie.graphs import open_graph

Tensors = dict[str, TensorProto]

# Without VNNI processors add two products in 16 bits: 255 steps for a value leave 63 to each side for a weight.
VALUE_STEPS, WEIGHT_STEPS, LOOKUP_STEPS = 255, 63, 127
EXAMPLES = 512


class Range(NamedTuple):
    """The least and the greatest that a value was, one on each side of zero."""

    least: float = 0.0
    greatest: float = 0.0

    @property
    def scale(self) -> float:
        """What one step stands for."""
        return max(self.greatest - self.least, 1e-12) / VALUE_STEPS

    @property
    def zero(self) -> int:
        """The step that stands for 0."""
        return round(-self.least / self.scale)


class Product(NamedTuple):
    """Of something computed and a stored matrix; `bias` is added to it if there is one, `output` is what comes out."""

    value: str
    matrix: str
    bias: str
    output: str


def compact(source: Path, target: Path, texts: Sequence[str]) -> None:
    """Writes the graph with its products of matrices and its tables in 8 bits; `tokenizer.json` is beside the source.

    Each column of a matrix has a scale, each row of a table, and each value that meets a matrix: the last ones are
    learnt from some of the texts.
    """
    model = onnx.load(source)
    some = texts[:: max(1, len(texts) // EXAMPLES)][:EXAMPLES]
    batches = [inputs for _, inputs in TextEncoder.load(source.parent, source.name).batches(some)]
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    products = _products(model.graph, tensors)
    values = list(dict.fromkeys(product.value for product in products.values()))
    ranges = _ranges(model, values, batches, target)
    nodes = list(_with_small_products(model.graph, tensors, products, ranges))
    nodes = list(_with_small_tables(nodes, tensors))
    used = {name for node in nodes for name in node.input}
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensor for name, tensor in tensors.items() if name in used)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, target)


def _products(graph: onnx.GraphProto, tensors: Tensors) -> dict[str, Product]:
    """By the output of each node that is replaced."""
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    found: dict[str, Product] = {}
    for node in graph.node:
        if node.op_type != "MatMul" or not _is_stored(node.input[1], tensors, 2):
            continue
        (value, matrix), output, bias = node.input, node.output[0], ""
        following = users.get(output, [])
        if [user.op_type for user in following] == ["Add"] and _is_stored(following[0].input[1], tensors, 1):
            bias, output = following[0].input[1], following[0].output[0]
        product = Product(value, matrix, bias, output)
        found |= {node.output[0]: product, output: product}
    return found


def _is_stored(name: str, tensors: Tensors, dimensions: int) -> bool:
    tensor = tensors.get(name)
    return tensor is not None and len(tensor.dims) == dimensions and tensor.data_type == TensorProto.FLOAT


def _ranges(model: onnx.ModelProto, values: Sequence[str], batches: Sequence[Inputs], target: Path) -> dict[str, Range]:
    """What each value is while the graph runs in full precision."""
    if not values:
        return {}
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in values)
    onnx.save(watched, target)
    session = open_graph(target)
    found = dict.fromkeys(values, Range())
    for batch in batches:
        for name, numbers in zip(values, session.run(list(values), dict(batch)), strict=True):
            least, greatest = found[name]
            found[name] = Range(min(least, float(numbers.min())), max(greatest, float(numbers.max())))
    return found


def _with_small_products(
    graph: onnx.GraphProto, tensors: Tensors, products: Mapping[str, Product], ranges: Mapping[str, Range]
) -> Iterator[onnx.NodeProto]:
    """A value becomes steps once, whatever it meets; a product of steps and its bias are numbers again."""
    ready: set[str] = set()
    for node in graph.node:
        product = products.get(node.output[0])
        if product is None:
            yield node
            continue
        if node.op_type != "MatMul":  # its bias: in the product
            continue
        value, found = product.value, ranges[product.value]
        scale, zero = f"{value}.scale", f"{value}.zero"
        if value not in ready:
            ready.add(value)
            _keep(tensors, scale, np.array(found.scale, np.float32))
            _keep(tensors, zero, np.array(found.zero, np.uint8))
            yield helper.make_node("QuantizeLinear", [value, scale, zero], [f"{value}.steps"])
        steps, scales = _steps(numpy_helper.to_array(tensors[product.matrix]), 0, WEIGHT_STEPS)
        small = f"{product.matrix}.steps"
        _keep(tensors, small, steps)
        _keep(tensors, f"{product.matrix}.scales", scales[0])
        inputs = [f"{value}.steps", small, scale, f"{product.matrix}.scales", zero, "", product.bias]
        yield helper.make_node("MatMulIntegerToFloat", inputs, [product.output], domain="com.microsoft")


def _with_small_tables(nodes: Sequence[onnx.NodeProto], tensors: Tensors) -> Iterator[onnx.NodeProto]:
    """Rows that are looked up are steps and a scale, numbers once they are found."""
    for node in nodes:
        name = node.input[0] if node.op_type == "Gather" else ""
        if not _is_stored(name, tensors, 2):
            yield node
            continue
        steps, scales = _steps(numpy_helper.to_array(tensors[name]), 1, LOOKUP_STEPS)
        _keep(tensors, f"{name}.steps", steps)
        _keep(tensors, f"{name}.scales", scales)
        yield helper.make_node("Gather", [f"{name}.steps", node.input[1]], [f"{name}.row_steps"])
        yield helper.make_node("Gather", [f"{name}.scales", node.input[1]], [f"{name}.row_scales"])
        yield helper.make_node("Cast", [f"{name}.row_steps"], [f"{name}.row_floats"], to=TensorProto.FLOAT)
        yield helper.make_node("Mul", [f"{name}.row_floats", f"{name}.row_scales"], list(node.output))


def _steps(
    matrix: npt.NDArray[np.float32], axis: int, most: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """The matrix as whole numbers up to `most`, and what one of them stands for along the axis."""
    scales = np.maximum(np.abs(matrix).max(axis, keepdims=True), 1e-12) / most
    return np.round(matrix / scales).astype(np.int8), scales.astype(np.float32)


def _keep(tensors: Tensors, name: str, values: npt.NDArray[np.generic]) -> None:
    tensors[name] = numpy_helper.from_array(values, name)
