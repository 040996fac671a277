"""A network's ONNX graph that computes for tokens, not for the padding of shorter rows.

What is computed for each token by itself (products with stored matrices, norms, activations: nine tenths of the
work) is given the tokens of all rows one after the other; what looks at a row as a whole (attention, means) is given
rows again. The graph's inputs and outputs stay what they were.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# What these give for a token depends on that token alone.
_OF_A_TOKEN = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Erf", "Gelu", "Relu", "Tanh", "Sigmoid", "Cast"})
_AT, _PLACES, _FLAT = "tokens.at", "tokens.places", "tokens.flat"


def unpad(model: onnx.ModelProto, mask: str) -> None:
    """Changes the graph in place. Its input `mask` `[n, t]` is 1 for tokens and 0 for padding.

    Which values are `[n, t, d]` is taken from the shapes that the model states; without any, nothing is changed.
    """
    graph = _Unpadded(model.graph, mask)
    nodes = [node for each in list(model.graph.node) for node in graph.changed(each)]
    nodes += [node for output in model.graph.output for node in graph.as_rows(output.name)]
    if not graph.used:
        return
    nodes[:0] = _places(mask)
    constants = {_FLAT: np.array([-1]), "tokens.one": np.array(1), "tokens.axis": np.array(0)}
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)


def _places(mask: str) -> list[onnx.NodeProto]:
    """`tokens.at` `[k]`: where each of k tokens is in the rows, flattened; `tokens.places` `[n, t]`: which token is
    where, in place of padding another one.
    """
    return [
        helper.make_node("Reshape", [mask, _FLAT], ["tokens.mask"]),
        helper.make_node("NonZero", ["tokens.mask"], ["tokens.row"]),
        helper.make_node("Reshape", ["tokens.row", _FLAT], [_AT]),
        helper.make_node("CumSum", ["tokens.mask", "tokens.axis"], ["tokens.counted"]),
        helper.make_node("Sub", ["tokens.counted", "tokens.one"], ["tokens.before"]),
        helper.make_node("Shape", [mask], ["tokens.shape"]),
        helper.make_node("Reshape", ["tokens.before", "tokens.shape"], [_PLACES]),
    ]


class _Unpadded:
    """Which values are there token by token, which as rows, and which both ways."""

    def __init__(self, graph: onnx.GraphProto, mask: str) -> None:
        shapes = {value.name: value.type.tensor_type.shape.dim for value in (*graph.input, *graph.value_info)}
        self._widths = {
            name: shape[2].dim_value
            for name, shape in shapes.items()
            if len(shape) == 3 and list(shape[:2]) == list(shapes[mask]) and shape[2].dim_value
        }
        self._stored = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
        self._by_token: set[str] = set()
        self._rows: set[str] = set()

    @property
    def used(self) -> bool:
        """Whether anything is computed token by token."""
        return bool(self._by_token)

    def changed(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        """The nodes in its place."""
        if self._begins(node):
            yield from self._without_padding(node.input[0])
        elif not self._continues(node):
            for name in dict.fromkeys(node.input):
                yield from self.as_rows(name)
            yield node
            return
        node.input[:] = [name if name in self._stored else _packed(name) for name in node.input]
        self._by_token.update(node.output)
        node.output[:] = [_packed(name) for name in node.output]
        yield node

    def _begins(self, node: onnx.NodeProto) -> bool:
        """A product or a norm of rows: from there on padding is left out."""
        product = node.op_type == "MatMul" and self._stored.get(node.input[1]) == 2
        if not product and not (node.op_type == "LayerNormalization" and _is_of_last_axis(node)):
            return False
        name = node.input[0]
        return name in self._by_token or name in self._widths

    def _continues(self, node: onnx.NodeProto) -> bool:
        if node.op_type not in _OF_A_TOKEN or self._by_token.isdisjoint(node.input):
            return False
        return all(name in self._by_token or self._stored.get(name, 2) <= 1 for name in node.input)

    def _without_padding(self, name: str) -> Iterator[onnx.NodeProto]:
        if name in self._by_token:
            return
        self._by_token.add(name)
        self._rows.add(name)
        width = helper.make_tensor(f"{name}.width", TensorProto.INT64, [2], [-1, self._widths[name]])
        yield helper.make_node("Constant", [], [f"{name}.shape"], value=width)
        yield helper.make_node("Reshape", [name, f"{name}.shape"], [f"{name}.all"])
        yield helper.make_node("Gather", [f"{name}.all", _AT], [_packed(name)])

    def as_rows(self, name: str) -> Iterator[onnx.NodeProto]:
        """What makes rows of a value that is only there token by token."""
        if name in self._by_token and name not in self._rows:
            self._rows.add(name)
            yield helper.make_node("Gather", [_packed(name), _PLACES], [name])


def _is_of_last_axis(norm: onnx.NodeProto) -> bool:
    return all(attribute.i == -1 for attribute in norm.attribute if attribute.name == "axis")


def _packed(name: str) -> str:
    return f"{name}.tokens"
