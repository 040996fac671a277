"""The messages of the Open Inference Protocol (V2) that predictors speak: one `BYTES` input `text` of shape `[n]`,
outputs `probability_negative` (`FP32`, `[n]`) and `label` (`INT64`, `[n]`). With the request parameter `explain` a
family that can adds `explanation` (`BYTES`, `[n]`): for each text a JSON list of `{"word", "weight"}`, the heaviest
first, or `null` when there was no time for it. The gateway adds `prediction_id` (`BYTES`, `[n]`), which feedback asks
for, and the response parameters `degraded` and `requested_model` when another family answered.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from vigie.model_status import Rejection
from vigie.schemas import WordWeight

INPUT = "text"
PROBABILITY = "probability_negative"
LABEL = "label"
EXPLANATION = "explanation"
PREDICTION_ID = "prediction_id"
EXPLAIN = "explain"
TENSORS_LIMIT = 16
DIMENSIONS_LIMIT = 8
_Version = Annotated[str, StringConstraints(pattern=r"\A[\x21-\x7e]{1,64}\z")]
_WEIGHTS: TypeAdapter[list[WordWeight] | None] = TypeAdapter(list[WordWeight] | None)


class V2Message(BaseModel):
    """Base of the protocol's messages: members that Vigie does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class TensorMetadata(V2Message):
    """Name, type and shape of a tensor; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class InputTensor(V2Message):
    """One input with its data."""

    name: str
    shape: Annotated[list[int], Field(max_length=DIMENSIONS_LIMIT)]
    datatype: str
    data: list[Any] = []
    parameters: dict[str, Any] | None = None


class OutputTensor(V2Message):
    """One output with its data."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float] | list[int] | list[str]


class RequestedOutput(V2Message):
    """An output that the client asks for by name."""

    name: str


class InferenceRequest(V2Message):
    """`POST …/infer`."""

    inputs: Annotated[list[InputTensor], Field(max_length=TENSORS_LIMIT)]
    id: str | None = None
    outputs: Annotated[list[RequestedOutput], Field(max_length=TENSORS_LIMIT)] | None = None
    parameters: dict[str, Any] | None = None

    @classmethod
    def of(cls, texts: list[str], *, explain: bool = False) -> Self:
        """The request for n texts."""
        tensor = InputTensor(name=INPUT, shape=[len(texts)], datatype="BYTES", data=texts)
        return cls(inputs=[tensor], parameters={EXPLAIN: True} if explain else None)


class InferenceResponse(V2Message):
    """The answer to `POST …/infer`; `model_version` is the registry version that gave all of it."""

    model_name: str
    model_version: _Version
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[OutputTensor]

    def output(self, name: str) -> list[float] | list[int]:
        """The data of an output of numbers; raises `KeyError` when it is not there, or texts are."""
        for output in self.outputs:
            if output.name == name and not isinstance(next(iter(output.data), None), str):
                return cast(list[float], output.data)
        raise KeyError(name)

    def explanations(self) -> list[list[WordWeight] | None] | None:
        """For each text, null when the family gave none; raises `ValidationError` for what is no explanation."""
        for output in self.outputs:
            if output.name == EXPLANATION:
                return [_WEIGHTS.validate_json(str(each)) for each in output.data]
        return None


class ModelDetails(V2Message):
    """What Vigie adds to the model metadata.

    `on_trial` are the numbers of versions that serve beside this one, `kept_out` those that must not, by alias.
    """

    version: str
    model_id: str | None = None
    digest: str = ""
    loaded_at: datetime
    metrics: dict[str, float] = {}
    stale_since: datetime | None = None
    rejected: Rejection | None = None
    on_trial: dict[str, str] = {}
    kept_out: dict[str, Rejection] = {}


class ModelMetadata(V2Message):
    """`GET /v2/models/{name}`."""

    name: str
    versions: list[str]
    platform: Literal["vigie"] = "vigie"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: ModelDetails


class ServerMetadata(V2Message):
    """`GET /v2`."""

    name: str = "vigie"
    version: str
    extensions: list[str] = []


class ServerError(V2Message):
    """`{"error": "…"}`: the protocol's error shape."""

    error: str


class Liveness(V2Message):
    """`GET /v2/health/live`."""

    live: Literal[True] = True


class ServerReadiness(V2Message):
    """`GET /v2/health/ready`."""

    ready: bool


class ModelReadiness(V2Message):
    """`GET /v2/models/{name}/ready`."""

    name: str
    ready: bool


class ModelIndex(V2Message):
    """`GET /v2/models`: names."""

    models: list[str]
