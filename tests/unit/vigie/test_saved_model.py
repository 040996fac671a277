"""Sentence encoders that are SavedModels: their vectors, and what must not be loaded."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.saved_model import WIDTH, write_saved_model
from vigie.artifacts import ArtifactError
from vigie.saved_model import TEXTS_TOGETHER, SavedModelEncoder

TEXTS = ["late again", "lovely crew, thank you", "☂️ où est ma valise", " "]


@pytest.mark.parametrize("by_signature", [False, True])
def test_a_text_gets_its_vector_whatever_stands_beside_it(tmp_path: Path, by_signature: bool) -> None:
    encoder = SavedModelEncoder.load(Path(write_saved_model(tmp_path / "made", by_signature=by_signature)))
    together = encoder.vectors(TEXTS)
    assert together.dtype == np.float32
    assert together.shape == (4, WIDTH)
    assert together.sum(1).tolist() == [2, 4, 5, 0]
    np.testing.assert_array_equal(np.concatenate([encoder.vectors([text]) for text in TEXTS]), together)
    assert encoder.vectors([]).shape == (0, WIDTH)
    assert len(encoder.vectors(["late"] * (TEXTS_TOGETHER + 1))) == TEXTS_TOGETHER + 1


def test_a_graph_that_reads_files_is_refused(tmp_path: Path) -> None:
    write_saved_model(tmp_path / "made", forbidden=True)
    with pytest.raises(ArtifactError, match=r"operations that must not be loaded: \['ReadFile'\]"):
        SavedModelEncoder.load(tmp_path / "made")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xff"])
def test_what_is_no_saved_model_is_said_to_be_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(ArtifactError, match="not a SavedModel"):
        SavedModelEncoder.load(tmp_path)
