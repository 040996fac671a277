"""How mistakes are told: each by its place, whatever the size of what came, and without work that grows with it."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from vigie.inference import InferenceRequest
from vigie.mistakes import MANY, invalid_body
from vigie.schemas import BatchRequest, PredictRequest

MIB = 1024 * 1024
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}


def found_in(schema: type[BaseModel], body: dict[str, Any]) -> ValidationError:
    """What pydantic finds in that body."""
    with pytest.raises(ValidationError) as found:
        schema.model_validate_json(json.dumps(body))
    return found.value


def filled(item: Any) -> list[Any]:
    """As many of them as a body of 1 MiB holds."""
    return [item] * (MIB // (len(json.dumps(item)) + 2))


@pytest.mark.parametrize(
    ("schema", "body", "told"),
    [
        (InferenceRequest, {"inputs": filled({})}, "inputs: List should have at most 16 items"),
        (InferenceRequest, {"inputs": filled(1)}, "inputs: List should have at most 16 items"),
        (InferenceRequest, {"inputs": [TENSOR], "outputs": filled({})}, "outputs: List should have at most 16 items"),
        (InferenceRequest, {"inputs": [TENSOR | {"shape": filled("")}]}, "shape: List should have at most 8 items"),
        (BatchRequest, {"texts": filled(1)}, "texts: List should have at most 1000 items"),
        (BatchRequest, {"texts": ["a"], "topic": filled(1)}, "List should have at most 1000 items"),
        (BatchRequest, {"texts": ["a"], "author": filled("")}, "List should have at most 1000 items"),
        (BatchRequest, {"texts": ["a"], "created_at": filled("x")}, "List should have at most 1000 items"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_list_without_end_is_one_mistake_not_one_for_each_item(
    schema: type[BaseModel], body: dict[str, Any], told: str
) -> None:
    error = found_in(schema, body)
    assert error.error_count() <= 2  # of what may be one value or a list, each kind says why not
    assert told in invalid_body(error).message


def test_every_item_of_every_list_of_a_batch_may_be_wrong_and_each_is_still_told_by_its_place() -> None:
    wrong = {"texts": [1] * 1000, "topic": [{}] * 1000, "author": [{}] * 1000, "created_at": [{}] * 1000}
    error = found_in(BatchRequest, wrong)
    assert 4000 <= error.error_count() < MANY
    assert invalid_body(error).message.startswith("texts[0]: Input should be a valid string, got 1; texts[1]: ")


def test_unknown_fields_without_end_are_told_as_a_number() -> None:
    error = found_in(PredictRequest, {"text": "a"} | {f"k{each}": 1 for each in range(MANY + 1)})
    assert invalid_body(error).message == f"body: expected a valid PredictRequest, got {MANY + 1} mistakes in one"
    few = found_in(PredictRequest, {"text": "a", "k0": 1, "k1": 1})
    assert invalid_body(few).message == "k0: no such field; k1: no such field"


def test_what_came_is_cut_however_large_it_was() -> None:
    for text in (filled({}), filled("x"), {"y" * 100: filled(1)}, 10**4000):
        message = invalid_body(found_in(PredictRequest, {"text": text})).message
        assert message.startswith("text: Input should be a valid string, got ")
        assert len(message) < 120
    assert len(invalid_body(found_in(PredictRequest, {"text": "a", "k" * MIB: 1})).message) < 120


def test_what_came_is_shown_whole_where_it_is_short() -> None:
    value = [1, "two", None, {"three": [3.5, True]}]
    message = invalid_body(found_in(PredictRequest, {"text": value})).message
    assert message == f"text: Input should be a valid string, got {value!r}"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"topic": [""]},
            "topic: Input should be a valid string, got ['']; topic[0]: String should have at least 1 char",
        ),
        ({"author": ["@", "a"]}, "author[0]: expected a name, with or without @, got '@'"),
        ({"a[b]": 1}, "a[b]: no such field"),
    ],
)
def test_places_are_those_of_the_client_not_of_the_types_that_were_tried(body: dict[str, Any], told: str) -> None:
    assert told in invalid_body(found_in(BatchRequest, {"texts": ["a", "b"]} | body)).message
