"""V2 on the wire: from the bytes of a request to its texts, from an inference to the bytes of the answer.

The binary tensor extension would be a second way to read and to write beside these.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from vigie.errors import InvalidRequest, VigieError
from vigie.inference import EXPLAIN, EXPLANATION, INPUT, LABEL, PROBABILITY, InferenceRequest, InputTensor
from vigie.receipts import label_of
from vigie.schemas import TEXT_LIMIT, WordWeight
from vigie.serving.engine import Inference
from vigie.web import invalid_request

_OUTPUTS = (PROBABILITY, LABEL)


def read_request(body: bytes) -> InferenceRequest:
    """The request; raises `InvalidRequest` naming the place, also for an output that does not exist."""
    try:
        request = InferenceRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid_request(error.errors(include_url=False)) from None
    for output in request.outputs or ():
        if output.name not in _OUTPUTS:
            raise InvalidRequest(f"outputs: expected names from {', '.join(_OUTPUTS)}, got {output.name!r}")
    return request


def wants_explanation(request: InferenceRequest) -> bool:
    """Whether the parameter `explain` is set; raises `InvalidRequest` when it is neither true nor false."""
    value = (request.parameters or {}).get(EXPLAIN, False)
    if not isinstance(value, bool):
        raise InvalidRequest(f"parameters.{EXPLAIN}: expected true or false, got {value!r:.60}")
    return value


def texts_of(request: InferenceRequest) -> list[str]:
    """The n texts of the one input; raises `InvalidRequest` saying what was expected and what came."""
    if len(request.inputs) != 1:
        raise InvalidRequest(f"inputs: expected one input, {INPUT!r}, got {len(request.inputs)}")
    tensor = request.inputs[0]
    if tensor.name != INPUT:
        raise InvalidRequest(f"inputs[0].name: expected {INPUT!r}, got {tensor.name[:60]!r}")
    if tensor.datatype != "BYTES":
        raise InvalidRequest(f"inputs[0].datatype: expected 'BYTES', got {tensor.datatype[:60]!r}")
    texts = _flat(tensor)
    if not texts or tensor.shape not in ([len(texts)], [len(texts), 1]):
        raise InvalidRequest(
            f"inputs[0].shape: expected [n] with n ≥ 1 and n texts, got {tensor.shape} and {len(texts)}"
        )
    for index, text in enumerate(texts):
        if not isinstance(text, str) or not 0 < len(text) <= TEXT_LIMIT:
            raise InvalidRequest(f"inputs[0].data[{index}]: expected 1 to {TEXT_LIMIT} characters, got {_shown(text)}")
    return texts


def write_response(
    name: str,
    inference: Inference,
    request: InferenceRequest,
    explanations: Sequence[Sequence[WordWeight] | None] | None = None,
) -> bytes:
    """An `InferenceResponse` with the outputs asked for, straight to bytes: validating our own answer costs more."""
    data: dict[str, tuple[str, Sequence[float]]] = {
        PROBABILITY: ("FP32", inference.probabilities),
        LABEL: ("INT64", [label_of(value) for value in inference.probabilities]),
    }
    wanted = [output.name for output in request.outputs] if request.outputs else _OUTPUTS
    outputs: list[dict[str, Any]] = [
        {"name": output, "shape": [len(data[output][1])], "datatype": data[output][0], "data": data[output][1]}
        for output in wanted
    ]
    if explanations is not None:
        written = [to_json(words).decode() for words in explanations]
        outputs.append({"name": EXPLANATION, "shape": [len(written)], "datatype": "BYTES", "data": written})
    echoed = {} if request.id is None else {"id": request.id}
    return to_json({"model_name": name, "model_version": inference.number, **echoed, "outputs": outputs})


def error_body(error: VigieError) -> bytes:
    """The protocol's error shape."""
    return to_json({"error": error.message})


def _flat(tensor: InputTensor) -> list[Any]:
    """The data row by row: a tensor of shape `[n, 1]` may come nested."""
    if tensor.shape[1:] != [1]:
        return tensor.data
    return [row[0] if isinstance(row, list) and len(row) == 1 else row for row in tensor.data]


def _shown(text: object) -> str:
    return f"{len(text)}" if isinstance(text, str) else f"{text!r}"[:60]
