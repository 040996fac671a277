"""More rows than fit into memory: the same model, nearly, from files."""

from pathlib import Path

import numpy as np
import pytest

from vigie.ngrams import count_ngrams
from vigie.text import normalise
from vigie_training.data import SAMPLE_TWEETS, read_file
from vigie_training.recipes import Options, logreg
from vigie_training.splitting import Split, split
from vigie_training.streamed_logreg import CHUNK, CountedRows


@pytest.fixture(scope="module")
def parts() -> Split:
    """The sample tweets."""
    return split(read_file(SAMPLE_TWEETS))


def test_what_comes_back_from_the_files_is_what_was_counted(tmp_path: Path, parts: Split) -> None:
    texts = parts.fit.texts * (CHUNK // len(parts.fit) + 1)
    chunks = list(CountedRows(tmp_path, texts).chunks())
    assert [rows for rows, _ in chunks] == [slice(0, CHUNK), slice(CHUNK, len(texts))]
    for rows, counted in chunks:
        expected = count_ngrams([normalise(text) for text in texts[rows]])
        assert all(np.array_equal(one, other) for one, other in zip(counted, expected, strict=True))


def test_a_streamed_fit_says_the_same_as_one_in_memory(
    parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(seed=1, quick=False, home=tmp_path)
    in_memory = logreg.fit(parts, options, lambda message: None)
    monkeypatch.setattr(logreg, "MOST_IN_MEMORY", 100)
    said: list[str] = []
    streamed = logreg.fit(parts, options, said.append)
    assert any("pass 2" in message for message in said)
    first, second = in_memory.predict(parts.test.texts), streamed.predict(parts.test.texts)
    assert np.corrcoef(first, second)[0, 1] > 0.95
    assert ((first > 0.5) == (second > 0.5)).mean() > 0.9
