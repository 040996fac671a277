"""The self-test, and what counts as probabilities."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.graphs import write_encoder
from tests.support.models import MADE_AT, TinyPredictor, make_tiny
from vigie.artifacts import ArtifactError, GoldenRow, digest, seal
from vigie.encoder import TOKENIZER, TextEncoder
from vigie.predictor import Probabilities
from vigie.registry import Version
from vigie.serving.models import open_model, probabilities

VERSION = Version(model="vigie-logreg", number="1", source="models:/m-1")


def test_a_model_that_reproduces_its_golden_rows_is_opened_with_what_its_manifest_says(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "made", off_by=0.00005)
    model = open_model(TinyPredictor, folder, VERSION, now=MADE_AT)
    assert (model.version, model.digest, model.loaded_at) == (VERSION, digest(folder), MADE_AT)
    assert model.manifest.metrics == {"accuracy": 0.8}


@pytest.mark.parametrize("off_by", [0.0002, -0.0002, 1.0])
def test_a_golden_row_off_by_more_than_the_tolerance_fails(tmp_path: Path, off_by: float) -> None:
    folder = make_tiny(tmp_path / "made", off_by=off_by)
    with pytest.raises(ArtifactError, match=r"golden row 'late again': expected .* ± 0\.0001, got 0\.7"):
        open_model(TinyPredictor, folder, VERSION, now=MADE_AT)


def test_a_tokenizer_that_panics_is_an_error_like_any_other(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    tokenizer = json.loads((tmp_path / TOKENIZER).read_text("utf-8"))
    tokenizer["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 5}
    (tmp_path / TOKENIZER).write_text(json.dumps(tokenizer), encoding="utf-8")
    golden = [GoldenRow(text="late late late again", probability_negative=0.5)]
    seal(tmp_path, family="distilbert", created_at=MADE_AT, golden=golden, libraries={}, metrics={})
    with pytest.raises(RuntimeError, match="PanicException: `stride`"):
        open_model(TextEncoder, tmp_path, VERSION, now=MADE_AT)


class Counting(TinyPredictor):
    """Counts how often it is asked."""

    calls = 0

    def predict(self, texts: Sequence[str]) -> Probabilities:
        type(self).calls += 1
        return super().predict(texts)


def test_a_model_that_takes_too_long_for_one_text_fails_before_more_are_asked(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "made")
    ticks = iter([0.0, 3.0, 10.0, 12.0, 20.0, 22.5])
    Counting.calls = 0
    with pytest.raises(ArtifactError, match=r"too slow: expected one text in 1\.5 s, took 2\.000 s"):
        open_model(Counting, folder, VERSION, now=MADE_AT, slowest_seconds=1.5, clock=lambda: next(ticks))
    assert Counting.calls == 3


class Says(TinyPredictor):
    """Says the same whatever is asked."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def predict(self, texts: Sequence[str]) -> Any:
        return self._values


def test_what_a_predictor_says_becomes_float32() -> None:
    values = probabilities(Says([0.0, 1.0, 0.25]), ["a", "b", "c"])
    assert values.dtype == np.float32
    assert values.tolist() == [0.0, 1.0, 0.25]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([0.5], r"shape \(2,\), got \(1,\)"),
        ([[0.5, 0.5]], r"shape \(2,\), got \(1, 2\)"),
        ([0.5, float("nan")], "from 0 to 1"),
        ([0.5, 1.01], "from 0 to 1"),
        ([-0.01, 0.5], "from 0 to 1"),
    ],
)
def test_what_is_not_n_probabilities_is_an_error(values: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        probabilities(Says(values), ["a", "b"])
