"""V2 messages: what is read, what is refused with which words, what is written."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.errors import InvalidRequest
from vigie.inference import InferenceRequest, InferenceResponse
from vigie.protocol import Answered, read_request, texts_of, tweets_of, write_response
from vigie.schemas import WordWeight


def body(**changes: Any) -> bytes:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["late", "lovely"]} | changes
    return json.dumps({"inputs": [tensor]}).encode()


@given(texts=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=20))
def test_texts_come_through_as_they_were_sent(texts: list[str]) -> None:
    assert texts_of(read_request(InferenceRequest.of(texts).model_dump_json().encode())) == texts


def test_members_that_clients_add_are_passed_over() -> None:
    message = json.loads(body(parameters={"content_type": "str"})) | {"id": "7", "parameters": {"priority": 1}, "x": 1}
    request = read_request(json.dumps(message).encode())
    assert request.id == "7"
    assert texts_of(request) == ["late", "lovely"]


@pytest.mark.parametrize("data", [["late", "lovely"], [["late"], ["lovely"]]])
def test_a_column_of_texts_as_some_clients_send_it_is_read(data: list[Any]) -> None:
    assert texts_of(read_request(body(shape=[2, 1], data=data))) == ["late", "lovely"]


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (b"", "Invalid JSON"),
        (b"[]", "body: Input should be an object"),
        (b"{}", "inputs: expected a value, got none"),
        (b'{"inputs": []}', "inputs: expected one input, 'text', got 0"),
        (b'{"inputs": [{"name": "text"}]}', r"inputs\[0\].shape: expected a value"),
        (body(name="texts"), r"inputs\[0\].name: expected 'text', got 'texts'"),
        (body(datatype="FP32"), r"inputs\[0\].datatype: expected 'BYTES', got 'FP32'"),
        (body(shape=[3]), r"inputs\[0\].shape: expected \[n\] .* got \[3\] and 2"),
        (body(shape=[]), r"got \[\] and 2"),
        (body(shape=[1, 2]), r"got \[1, 2\] and 2"),
        (body(shape=[-1]), r"got \[-1\] and 2"),
        (body(shape=[0], data=[]), r"with n ≥ 1 .* got \[0\] and 0"),
        (body(data=["late", 7]), r"inputs\[0\].data\[1\]: expected 1 to 2000 characters, got 7"),
        (body(data=["late", None]), r"data\[1\]: .* got None"),
        (body(data=["", "late"]), r"data\[0\]: .* got 0"),
        (body(data=["late", "x" * 2001]), r"data\[1\]: .* got 2001"),
        (body(data=[["late"], ["lovely"]]), r"data\[0\]: .* got \['late'\]"),
        (b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["\\ud800"]}]}', "Invalid JSON"),
        (b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["\xff"]}]}', "Invalid JSON"),
    ],
)
def test_a_clients_mistake_is_named(message: bytes, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        texts_of(read_request(message))


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (body(data=["late", " "]), r"inputs\[0\].data\[1\]: expected 1 to 2000 characters after trimming, got none"),
        (body(data=["late", "a\0b"]), r"inputs\[0\].data\[1\]: expected a text without NUL"),
        (body(data=["late", " " * 9 + "x" * 2001]), r"inputs\[0\].data\[1\]: expected 1 to 2000 characters, got 2001"),
        (body(shape=[1001], data=["a"] * 1001), r"inputs\[0\].data: expected at most 1000 texts, got 1001"),
    ],
)
def test_what_is_no_tweet_is_told_by_the_place_where_it_was_sent(message: bytes, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        tweets_of(read_request(message))


def test_a_tweet_is_as_long_as_it_is_after_trimming() -> None:
    padded = body(data=["\n" + "x" * 2000 + " " * 50, " late "])
    assert tweets_of(read_request(padded)) == ["x" * 2000, "late"]
    assert texts_of(read_request(padded)) == ["x" * 2000, " late "]


def binary(texts: list[bytes], *, announced: int | None = None, extra: bytes = b"") -> tuple[bytes, str]:
    """A request with its tensor in binary, as the usual clients send it, and the size of its JSON part."""
    data = b"".join(len(text).to_bytes(4, "little") + text for text in texts) + extra
    size = {"binary_data_size": len(data) if announced is None else announced}
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "parameters": size}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + data, str(len(head))


@given(texts=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=20))
def test_texts_may_come_as_a_binary_tensor(texts: list[str]) -> None:
    assert texts_of(read_request(*binary([text.encode() for text in texts]))) == texts


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (binary([b"late"], announced=3), r"binary_data_size: expected 8, got 3"),
        ((body(), str(len(body()))), r"binary_data_size: expected 0, got None"),
        (binary([b"late"], extra=b"\x09\0\0\0too"), "expected the bytes of element 1, got the end of the body"),
        (binary([b"late"], extra=b"\x09"), "expected the bytes of element 1, got the end of the body"),
        (binary([b"\xff"]), r"inputs\[0\].data\[0\]: expected UTF-8"),
        ((body(), "-1"), "inference-header-content-length: expected 1 to"),
        ((body(), "0"), "inference-header-content-length: expected 1 to"),
        ((body(), "9" * 30), "inference-header-content-length: expected 1 to"),
        ((body(), f"{len(body()):012}{'0' * 5000}"), "inference-header-content-length: expected 1 to"),
        ((body(), "5"), "Invalid JSON"),
    ],
)
def test_a_binary_tensor_that_is_none_is_named(message: tuple[bytes, str], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        texts_of(read_request(*message))


def test_an_output_that_does_not_exist_is_refused() -> None:
    message = json.loads(body()) | {"outputs": [{"name": "label"}, {"name": "probability"}]}
    with pytest.raises(InvalidRequest, match="outputs: expected names from probability_negative, label"):
        read_request(json.dumps(message).encode())


@given(values=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), request_id=st.none() | st.text())
def test_the_answer_is_a_valid_response_with_exact_probabilities(values: list[float], request_id: str | None) -> None:
    request = InferenceRequest(inputs=[], id=request_id)
    answer = InferenceResponse.model_validate_json(write_response(Answered("logreg", "3", values), request))
    assert (answer.model_name, answer.model_version, answer.id) == ("logreg", "3", request_id)
    assert [(output.name, output.datatype, output.shape) for output in answer.outputs] == [
        ("probability_negative", "FP32", [len(values)]),
        ("label", "INT64", [len(values)]),
    ]
    assert np.array_equal(np.array(answer.output("probability_negative"), np.float32), np.array(values, np.float32))
    assert answer.output("label") == [0 if value >= 0.5 else 1 for value in values]


def test_the_answer_has_only_the_outputs_asked_for() -> None:
    request = read_request(json.dumps(json.loads(body()) | {"outputs": [{"name": "label"}]}).encode())
    answer = json.loads(write_response(Answered("logreg", "3", [0.5, 0.1]), request))
    assert answer == {
        "model_name": "logreg",
        "model_version": "3",
        "outputs": [{"name": "label", "shape": [2], "datatype": "INT64", "data": [0, 1]}],
    }


def asking(*outputs: str, explain: bool) -> InferenceRequest:
    """A request for one text, and for these outputs."""
    named = {"outputs": [{"name": output} for output in outputs]} if outputs else {}
    told = InferenceRequest.of(["late"], explain=explain).model_dump(exclude_none=True)
    return read_request(json.dumps(told | named).encode())


@pytest.mark.parametrize(
    ("outputs", "written"),
    [
        ((), ["probability_negative", "label", "explanation"]),
        (("label",), ["label"]),
        (("explanation", "label"), ["explanation", "label"]),
    ],
)
def test_an_explanation_is_an_output_like_any_other(outputs: tuple[str, ...], written: list[str]) -> None:
    answered = Answered("logreg", "3", [0.5], [[WordWeight(word="late", weight=-1.5)]])
    answer = InferenceResponse.model_validate_json(write_response(answered, asking(*outputs, explain=True)))
    assert [output.name for output in answer.outputs] == written
    assert (answer.explanations() is None) == ("explanation" not in written)


def test_an_explanation_asked_for_by_name_is_null_where_there_is_none() -> None:
    request = asking("explanation", explain=True)
    answer = InferenceResponse.model_validate_json(write_response(Answered("lstm", "3", [0.5, 0.1]), request))
    assert answer.explanations() == [None, None]


def test_an_explanation_is_no_output_without_the_parameter_that_asks_for_it() -> None:
    with pytest.raises(InvalidRequest, match="outputs: expected 'explanation' with the parameter explain"):
        asking("explanation", explain=False)
