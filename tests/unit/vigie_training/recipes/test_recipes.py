"""Every recipe, small and fast: what it fits, writes and reads back is one model."""

import gc
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from predictor_lightgbm.predictor import LightgbmPredictor
from tests.support.base_model import write_base_model
from tests.support.peers import Peer
from tests.support.saved_model import write_saved_model
from vigie.artifacts import verify
from vigie.catalogue import FAMILIES
from vigie_training.data import SAMPLE_TWEETS, read_file
from vigie_training.errors import TrainingError
from vigie_training.evaluate import evaluate
from vigie_training.packaging import golden_problem, package
from vigie_training.recipes import Fitted, Options, distilbert, find_recipe
from vigie_training.splitting import Split, split
from vigie_training.transformer.tuned import OWN_LABEL, soft_labels, tuned_transformer

ODD = ["", "\u2602\ufe0f" * 3, "x" * 2000, "late " * 400, "\u0645\u0631\u062d\u0628\u0627", "\ufffd\u200d"]


@pytest.fixture(scope="module")
def parts() -> Split:
    """The sample tweets."""
    return split(read_file(SAMPLE_TWEETS))


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, parts: Split) -> Options:
    """A quick fit on a tiny base model."""
    home = tmp_path_factory.mktemp("recipes")
    return Options(seed=1, quick=True, base_model=write_base_model(home / "base", parts.fit.texts), home=home)


@pytest.fixture(scope="module", params=[family.name for family in FAMILIES])
def family(request: pytest.FixtureRequest) -> str:
    """Every family."""
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(family: str, parts: Split, options: Options) -> Fitted:
    """Its model."""
    return find_recipe(family).fit(parts, options, lambda message: None)


def test_it_learns_something(fitted: Fitted, parts: Split, family: str) -> None:
    found = evaluate(fitted.predict, parts.test).metrics()
    # The tiny transformer knows no English: what is built on it has to be sane, not good.
    assert found["roc_auc"] > (0.5 if family in ("lightgbm", "distilbert") else 0.65)
    assert found["calibration_error"] < 0.15
    assert fitted.parameters


def test_what_is_written_and_read_back_is_the_same_model(
    fitted: Fitted, parts: Split, family: str, tmp_path: Path
) -> None:
    recipe = find_recipe(family)
    evaluation, now = evaluate(fitted.predict, parts.test), datetime(2026, 1, 1, tzinfo=UTC)
    costs = package(fitted, recipe, tmp_path, family=family, created_at=now, evaluation=evaluation, costs={})
    assert costs["size_mib"] > 0
    assert verify(tmp_path, family=family).metrics == evaluation.metrics() | costs
    assert golden_problem(recipe, tmp_path, family=family) == ""
    texts = parts.test.texts[:50]
    np.testing.assert_allclose(recipe.load(tmp_path).predict(texts), fitted.predict(texts), atol=1e-6)


def test_any_text_gets_a_probability(fitted: Fitted) -> None:
    scores = fitted.predict(ODD)
    assert scores.shape == (len(ODD),)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert fitted.predict([]).shape == (0,)


def test_what_a_text_gets_does_not_depend_on_the_texts_beside_it(fitted: Fitted, parts: Split) -> None:
    texts = parts.test.texts[:30]
    together = fitted.predict(texts)
    alone = np.concatenate([fitted.predict([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-3)


def test_the_same_rows_and_seed_give_the_same_model(
    family: str, fitted: Fitted, parts: Split, options: Options
) -> None:
    again = find_recipe(family).fit(parts, options, lambda message: None)
    texts = parts.test.texts[:50]
    np.testing.assert_allclose(again.predict(texts), fitted.predict(texts), atol=1e-3)


def test_the_transformer_is_tuned_once_and_teaches_the_smaller_families(parts: Split, tmp_path: Path) -> None:
    options = Options(seed=1, base_model=write_base_model(tmp_path / "base", parts.fit.texts), home=tmp_path)
    reports: list[str] = []
    forest = find_recipe("forest").fit(parts, options, reports.append)
    assert any("tuning" in report for report in reports)
    reports.clear()
    lightgbm = find_recipe("lightgbm").fit(parts, options, reports.append)
    assert not any("tuning" in report for report in reports)
    soft, tuning = soft_labels(parts.fit, options, reports.append)
    assert (np.abs(soft - parts.fit.labels) <= 1 - OWN_LABEL).all(), "each label keeps its share"
    assert len({round(each, 6) for each in soft}) > 2
    (kept,) = [each for each in (tmp_path / "encoders").iterdir() if each.is_dir()]
    names = {"encoder.onnx", "precision.txt", "scores.npy", "tokenizer.json"}
    assert {each.name for each in kept.iterdir()} == names
    assert tuning["precision"] in ("bfloat16", "float32")
    for fitted in (forest, lightgbm):
        assert fitted.parameters["precision"] == tuning["precision"], "it is a parameter also of who finds it tuned"
    (kept / "precision.txt").unlink()
    assert soft_labels(parts.fit, options, reports.append).parameters == {}, "one of before is as good"


def test_what_interrupted_tunings_left_is_thrown_away_after_a_week(parts: Split, tmp_path: Path) -> None:
    options = Options(
        seed=1, quick=True, base_model=write_base_model(tmp_path / "base", parts.fit.texts), home=tmp_path
    )
    encoders = tmp_path / "encoders"
    (encoders / "making-old").mkdir(parents=True)
    for name in ("making-old/scores.npy", "old.unfinished-1", "old.making", "old.lock", "new.unfinished-2"):
        (encoders / name).touch()
        if "old" in name:
            os.utime(encoders / name, (0, 0))
    os.utime(encoders / "making-old", (0, 0))
    with tuned_transformer(parts.fit, options, lambda message: None):
        pass
    assert [each.name for each in encoders.iterdir() if each.suffix or "-" in each.name] == ["new.unfinished-2"]


def test_the_trees_may_stand_on_an_encoder_that_is_a_saved_model(parts: Split, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "encoder"), "gztar", write_saved_model(tmp_path / "encoder"))
    recipe = find_recipe("lightgbm")
    with Peer(Starlette(routes=[Mount("/", StaticFiles(directory=tmp_path))])) as hub:
        place = f"{hub.url}/{Path(packed).name}"
        options = Options(seed=1, quick=True, sentence_encoder=f"{place}?signature=s3cret", home=tmp_path)
        fitted = recipe.fit(parts, options, lambda message: None)
    evaluation, now = evaluate(fitted.predict, parts.test), datetime(2026, 1, 1, tzinfo=UTC)
    assert evaluation.metrics()["roc_auc"] > 0.55
    artefact = tmp_path / "artefact"
    artefact.mkdir()
    package(fitted, recipe, artefact, family="lightgbm", created_at=now, evaluation=evaluation, costs={})
    assert golden_problem(recipe, artefact, family="lightgbm") == ""
    served = LightgbmPredictor.load(artefact)
    texts = parts.test.texts[:50]
    np.testing.assert_allclose(served.predict(texts), fitted.predict(texts), atol=1e-6)
    assert fitted.parameters["sentence_encoder"] == place, "whoever reads the run could use a link that is signed"


@pytest.mark.parametrize(
    ("name", "step"), [("distilbert", "making the transformer compact"), ("lightgbm", "computing sentence vectors")]
)
def test_a_fit_that_is_interrupted_leaves_no_files(
    parts: Split, options: Options, name: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[str] = []

    def interrupt(message: str) -> None:
        if message == step:
            made.extend(each.name for each in tmp_path.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_recipe(name).fit(parts, options, interrupt)
    gc.collect()
    assert made
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_is_not_there_leaves_no_files(
    parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    options = Options(seed=1, quick=True, sentence_encoder=str(tmp_path / "nothing"), home=tmp_path)
    with pytest.raises(TrainingError, match="VIGIE_SENTENCE_ENCODER: expected a folder"):
        find_recipe("lightgbm").fit(parts, options, lambda message: None)
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_a_base_model_that_is_not_there_is_named(parts: Split, tmp_path: Path) -> None:
    options = Options(seed=1, quick=True, base_model=str(tmp_path / "nothing"), home=tmp_path)
    with pytest.raises(TrainingError, match="VIGIE_BASE_MODEL: expected a folder or a name of a model"):
        find_recipe("distilbert").fit(parts, options, lambda message: None)


@pytest.mark.parametrize(
    ("rows", "lost", "won", "chosen"),
    [(100, 1, 0, "int8"), (100, 9, 1, "float32"), (10_000, 30, 0, "int8"), (10_000, 80, 40, "float32")],
)
def test_8_bits_are_served_unless_they_cost_more_than_chance_takes(rows: int, lost: int, won: int, chosen: str) -> None:
    full, compact = np.ones(rows, bool), np.ones(rows, bool)
    compact[:lost] = False
    full[lost : lost + won] = False
    assert distilbert.loses(full, compact) == (chosen == "float32")
