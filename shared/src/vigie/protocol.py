"""V2 on the wire: from the bytes of a request to its texts, from an answer to its bytes.

Requests may use the binary tensor extension, which the usual clients do unasked; answers are always JSON, which every
client reads.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Header
from pydantic import ValidationError
from pydantic_core import PydanticCustomError, to_json

from vigie.errors import InvalidRequest, VigieError
from vigie.fields import TEXT_LIMIT, tweet_text
from vigie.inference import (
    EXPLAIN,
    EXPLANATION,
    INPUT,
    LABEL,
    PREDICTION_ID,
    PROBABILITY,
    InferenceRequest,
    InputTensor,
)
from vigie.mistakes import invalid_body
from vigie.receipts import label_of
from vigie.schemas import BATCH_LIMIT, WordWeight

JSON_SIZE = "inference-header-content-length"
BINARY_EXTENSION = "binary_tensor_data"
_BINARY_SIZE = "binary_data_size"
_LENGTH_BYTES = 4
OUTPUTS = (PROBABILITY, LABEL, EXPLANATION)
BINARY_BODY = {
    "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
"""What the documentation of `infer` says beside JSON."""
JsonSize = Annotated[
    int | None, Header(alias=JSON_SIZE.title(), description="So many bytes are JSON, the rest a binary tensor.")
]


class Answered(NamedTuple):
    """What n texts got from one version: probabilities of *negative* `[n]`, and what else there is to say."""

    name: str
    version: str
    probabilities: Sequence[float]
    explanations: Sequence[Sequence[WordWeight] | None] | None = None
    prediction_ids: Sequence[str] | None = None
    parameters: dict[str, Any] | None = None


def read_request(body: bytes, json_size: str | None = None, *, outputs: Sequence[str] = OUTPUTS) -> InferenceRequest:
    """The request; raises `InvalidRequest` naming the place, also for an output that is not one of `outputs`.

    `json_size` is the header `JSON_SIZE`: so many bytes are JSON, the rest is the data of the one binary tensor.
    """
    end = len(body) if json_size is None else _json_end(body, json_size)
    try:
        request = InferenceRequest.model_validate_json(body[:end])
    except ValidationError as error:
        raise invalid_body(error) from None
    _check_outputs(request, outputs)
    if json_size is None or len(request.inputs) != 1:
        return request
    tensor = request.inputs[0]
    announced = (tensor.parameters or {}).get(_BINARY_SIZE)
    if announced != len(body) - end:
        raise InvalidRequest(f"inputs[0].parameters.{_BINARY_SIZE}: expected {len(body) - end}, got {announced!r:.60}")
    return request.model_copy(update={"inputs": [tensor.model_copy(update={"data": _strings(body[end:])})]})


def wants_explanation(request: InferenceRequest) -> bool:
    """Whether the parameter `explain` is set; raises `InvalidRequest` when it is neither true nor false."""
    value = (request.parameters or {}).get(EXPLAIN, False)
    if not isinstance(value, bool):
        raise InvalidRequest(f"parameters.{EXPLAIN}: expected true or false, got {value!r:.60}")
    return value


def texts_of(request: InferenceRequest) -> list[str]:
    """The n texts of the one input, as they came unless they are too long untrimmed.

    Raises `InvalidRequest` saying what was expected and what came.
    """
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
            f"inputs[0].shape: expected [n] with n ≥ 1 and n texts, got {tensor.shape!s:.60} and {len(texts)}"
        )
    return [
        text if isinstance(text, str) and 0 < len(text) <= TEXT_LIMIT else _trimmed(text, index)
        for index, text in enumerate(texts)
    ]


def tweets_of(request: InferenceRequest) -> list[str]:
    """The texts, of which each is a tweet as `POST /predict/batch` takes it, trimmed; raises like `texts_of`."""
    texts = texts_of(request)
    if len(texts) > BATCH_LIMIT:
        raise InvalidRequest(f"inputs[0].data: expected at most {BATCH_LIMIT} texts, got {len(texts)}")
    return [_tweet(text, index) for index, text in enumerate(texts)]


def write_response(answered: Answered, request: InferenceRequest) -> bytes:
    """An `InferenceResponse` with the outputs asked for, straight to bytes: validating our own answer costs more.

    Asked for by name, explanations that there are none of are null.
    """
    data: dict[str, tuple[str, Sequence[float] | Sequence[str]]] = {
        PROBABILITY: ("FP32", answered.probabilities),
        LABEL: ("INT64", [label_of(value) for value in answered.probabilities]),
    }
    if answered.prediction_ids is not None:
        data[PREDICTION_ID] = ("BYTES", answered.prediction_ids)
    explanations = answered.explanations
    if explanations is None and any(output.name == EXPLANATION for output in request.outputs or ()):
        explanations = [None] * len(answered.probabilities)
    if explanations is not None:
        data[EXPLANATION] = ("BYTES", [to_json(words).decode() for words in explanations])
    wanted = [output.name for output in request.outputs] if request.outputs else data
    outputs: list[dict[str, Any]] = [
        {"name": output, "shape": [len(data[output][1])], "datatype": data[output][0], "data": data[output][1]}
        for output in wanted
    ]
    echoed = {} if request.id is None else {"id": request.id}
    said = {} if answered.parameters is None else {"parameters": answered.parameters}
    return to_json(
        {"model_name": answered.name, "model_version": answered.version, **echoed, **said, "outputs": outputs}
    )


def error_body(error: VigieError) -> bytes:
    """The protocol's error shape."""
    return to_json({"error": error.message})


def _json_end(body: bytes, json_size: str) -> int:
    is_size = json_size.isascii() and json_size.isdigit() and len(json_size) <= 12  # else `int` may refuse
    if not is_size or not 0 < int(json_size) <= len(body):
        raise InvalidRequest(f"{JSON_SIZE}: expected 1 to {len(body)} (the size of the body), got {json_size[:40]!r}")
    return int(json_size)


def _check_outputs(request: InferenceRequest, names: Sequence[str]) -> None:
    for output in request.outputs or ():
        if output.name not in names:
            raise InvalidRequest(f"outputs: expected names from {', '.join(names)}, got {output.name[:60]!r}")
        if output.name == EXPLANATION and not wants_explanation(request):
            raise InvalidRequest(f"outputs: expected {EXPLANATION!r} with the parameter {EXPLAIN}, got it without")


def _strings(data: bytes) -> list[str]:
    """`BYTES` in binary: each element as its length (32 bits, little-endian) and its bytes."""
    texts: list[str] = []
    place = 0
    while place < len(data):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(data[place:start], "little")
        if start > len(data) or place > len(data):
            raise InvalidRequest(f"inputs[0]: expected the bytes of element {len(texts)}, got the end of the body")
        try:
            texts.append(data[start:place].decode())
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"inputs[0].data[{len(texts)}]: expected UTF-8, got {error.reason}") from None
    return texts


def _flat(tensor: InputTensor) -> list[Any]:
    """The data row by row: a tensor of shape `[n, 1]` may come nested."""
    if tensor.shape[1:] != [1]:
        return tensor.data
    return [row[0] if isinstance(row, list) and len(row) == 1 else row for row in tensor.data]


def _trimmed(text: object, index: int) -> str:
    trimmed = text.strip() if isinstance(text, str) else text
    if not isinstance(trimmed, str) or not 0 < len(trimmed) <= TEXT_LIMIT:
        raise InvalidRequest(f"inputs[0].data[{index}]: expected 1 to {TEXT_LIMIT} characters, got {_shown(trimmed)}")
    return trimmed


def _tweet(text: str, index: int) -> str:
    try:
        return tweet_text(text)
    except PydanticCustomError as error:
        raise InvalidRequest(f"inputs[0].data[{index}]: {error.message()}", code=error.type) from None


def _shown(text: object) -> str:
    return f"{len(text)}" if isinstance(text, str) else f"{text!r}"[:60]
