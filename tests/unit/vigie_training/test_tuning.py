"""The tuning of a transformer, on one of a few thousand weights."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer

from tests.support.base_model import write_base_model
from tests.support.rows import made_up
from vigie.encoder import GRAPH, TOKENIZER
from vigie_training.data import sample_texts
from vigie_training.errors import TrainingError
from vigie_training.recipes import Options, Report
from vigie_training.rows import Rows
from vigie_training.transformer.checkpoint import Checkpoint
from vigie_training.transformer.network import SentimentNetwork, load_base
from vigie_training.transformer.precision import bfloat16_pays
from vigie_training.transformer.tuned import SCORES, stages, tuned_transformer
from vigie_training.transformer.tuning import FIRST, REMEMBERED, Schedule, prepared_tokenizer, tune, tune_in_turn
from vigie_training.weighting import Labelled

TEXTS = sample_texts()[:120]
ROWS = Labelled(TEXTS, np.arange(len(TEXTS)).astype(np.float64) % 2, np.ones(len(TEXTS)))
MORE = Labelled(TEXTS * 4, np.tile(ROWS.targets, 4), np.tile(ROWS.weights, 4))
WHOLE = {GRAPH, TOKENIZER, SCORES}
SCHEDULE = Schedule(epochs=2, batch=8)


class Killed(Exception):
    """The process ends here."""


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny base model of either kind."""
    return write_base_model(tmp_path_factory.mktemp("base"), TEXTS, kind=request.param)


def tuned(
    base: str, report: Report, kept: Path | None = None
) -> tuple[dict[str, torch.Tensor], npt.NDArray[np.float32]]:
    network, tokenizer = load_base(base, seed=1)
    tokens = prepared_tokenizer(tokenizer)
    said = tune(network, tokens, ROWS, SCHEDULE, seed=1, report=report, kept=kept, clock=lambda: 0.0)
    return network.state_dict(), said


@pytest.mark.parametrize("half", [False, True])
def test_an_interrupted_fit_goes_on_and_ends_as_it_would_have(
    half: bool, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie_training.transformer.tuning.bfloat16_pays", lambda: half)
    kept = tmp_path / "unfinished"

    def killed_in_the_second_epoch(message: str) -> None:
        if "60 %" in message:
            raise Killed

    with pytest.raises(Killed):
        tuned(base, killed_in_the_second_epoch, kept)
    reports: list[str] = []
    resumed, said = tuned(base, reports.append, kept)
    assert all(int(message.split()[-2]) >= 50 for message in reports), "the first half is not done again"
    whole, said_at_once = tuned(base, reports.append)
    for name, weights in whole.items():
        torch.testing.assert_close(resumed[name], weights)
    np.testing.assert_allclose(said, said_at_once, atol=1e-5)


def in_turn(base: str, report: Report, folder: Path) -> dict[str, torch.Tensor]:
    network, tokenizer = load_base(base, seed=1)
    tokens = prepared_tokenizer(tokenizer)
    tune_in_turn(network, tokens, [MORE, ROWS], SCHEDULE, seed=1, report=report, kept=lambda stage: folder / str(stage))
    return network.state_dict()


@pytest.mark.parametrize(("stage", "told"), [(1, " 75 %"), (2, " 0 %")])
def test_a_fit_goes_on_in_the_precision_that_it_began_in(
    stage: int, told: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pays, heard = [True], list[str]()
    monkeypatch.setattr("vigie_training.transformer.tuning.bfloat16_pays", lambda: pays[0])
    whole = in_turn(base, print, tmp_path / "whole")

    def killed(message: str) -> None:
        heard.append(message)
        if sum(told in each for each in heard) == stage:
            raise Killed

    with pytest.raises(Killed):
        in_turn(base, killed, tmp_path / "interrupted")
    pays[0] = False
    resumed = in_turn(base, print, tmp_path / "interrupted")
    for name, weights in whole.items():
        torch.testing.assert_close(resumed[name], weights)


def test_looking_for_the_faster_precision_draws_no_random_numbers() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    bfloat16_pays.__wrapped__()
    torch.testing.assert_close(torch.rand(3), expected, atol=0, rtol=0)


def test_a_state_that_takes_long_to_keep_is_kept_seldom(tmp_path: Path) -> None:
    kept, writes = tmp_path / "unfinished", list[int]()
    times = count(0.0, 10.0)  # every look at the clock is ten seconds after the last one
    checkpoint = Checkpoint(kept, torch.nn.Linear(1, 1))
    for step in range(60):
        checkpoint.keep(step, times.__next__)
        writes.append(checkpoint.restore())
    assert len(set(writes)) == 3, "each took ten seconds: two hundred pass before the next"


def test_a_damaged_checkpoint_is_said_to_be_one(base: str, tmp_path: Path) -> None:
    (tmp_path / "unfinished").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="train without --resume"):
        tuned(base, lambda message: None, tmp_path / "unfinished")


def test_general_data_sets_are_learnt_from_before_those_that_are_predicted(tmp_path: Path) -> None:
    sources = ["airline_feb17_21", "sanders", "my_own", "semeval2013_2016_train"]
    frame = pd.DataFrame({"text": TEXTS[:80], "label": [0, 1] * 40, "source": sources * 20, "day": "", "sampling": ""})
    rows, reports = Rows(frame), list[str]()
    assert [part[:4].tolist() for part in stages(rows)] == [[False, True, False, True], [True, False, True, False]]
    assert [part.all() for part in stages(rows.of("sanders"))] == [True]
    options = Options(seed=1, quick=True, base_model=write_base_model(tmp_path / "base", TEXTS), home=tmp_path)
    with tuned_transformer(rows, options, reports.append) as folder:
        scores = np.load(folder / SCORES)
    assert reports.count("tuning the transformer, 0 %") == 2
    assert np.count_nonzero(scores) == 80, "every row is scored in the stage that learnt from it"
    assert not list(folder.parent.glob("*.unfinished-*"))


def test_every_weight_goes_back_a_share_of_the_way_that_the_last_stage_took_it(base: str, tmp_path: Path) -> None:
    def begun() -> tuple[SentimentNetwork, Tokenizer]:
        network, tokenizer = load_base(base, seed=1)
        return network, prepared_tokenizer(tokenizer)

    network, tokens = begun()
    ways = []
    for schedule in (FIRST, SCHEDULE):
        tune(network, tokens, ROWS, schedule, seed=1, report=print)
        ways.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
    network, tokens = begun()
    both = [ROWS, ROWS]
    scores = tune_in_turn(
        network, tokens, both, SCHEDULE, seed=1, report=print, kept=lambda stage: tmp_path / str(stage)
    )
    assert [each.shape for each in scores] == [(len(TEXTS),)] * 2
    for name, found in network.state_dict().items():
        before, after = (way[name].float() for way in ways)
        torch.testing.assert_close(found.float(), after + REMEMBERED * (before - after), atol=1e-5, rtol=1e-4)


@pytest.fixture
def makings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where a transformer was tuned: nothing is, three empty files stand for it."""
    found: list[Path] = []

    def write(folder: Path) -> None:
        for name in WHOLE:
            (folder / name).touch()

    def made(rows: Rows, options: Options, report: Report, place: Path) -> Callable[[Path], None]:
        found.append(place)
        return write

    monkeypatch.setattr("vigie_training.transformer.tuned._made", made)
    return found


def test_half_a_transformer_counts_as_none(makings: list[Path], tmp_path: Path) -> None:
    options, given = Options(seed=1, home=tmp_path), made_up(4)
    with tuned_transformer(given, options, print) as folder:
        assert {each.name for each in folder.iterdir()} == WHOLE
        assert folder.stat().st_mode == folder.parent.stat().st_mode, "others may read it as what lies beside it"
    (folder / TOKENIZER).unlink()
    for _ in range(2):
        with tuned_transformer(given, options, print) as folder:
            assert {each.name for each in folder.iterdir()} == WHOLE
    assert makings == [folder, folder]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_second_training_on_the_same_rows_waits_and_takes_what_the_first_made(
    makings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, given, reports = Options(seed=1, home=tmp_path), made_up(4), list[str]()
    with ExitStack() as first:
        folder = first.enter_context(tuned_transformer(given, options, print))
        state = folder.with_name(f"{folder.name}.unfinished-1")
        state.touch()
        kept = list[bool]()

        def wait(seconds: float) -> None:
            kept.append(state.exists())
            first.close()

        monkeypatch.setattr("vigie_training.transformer.tuned.sleep", wait)
        with tuned_transformer(given, options, reports.append) as again:
            assert (again, makings) == (folder, [folder])
    assert kept == [True], "what the first goes on from is not thrown away"
    assert reports == ["waiting for another training, which tunes the transformer on the same rows"]


def test_of_transformers_the_newest_two_stay_and_what_is_read(makings: list[Path], tmp_path: Path) -> None:
    def use(seed: int) -> AbstractContextManager[Path]:
        return tuned_transformer(made_up(4), Options(seed=seed, home=tmp_path), print)

    with use(1) as first:
        for seed in (2, 3, 4):
            with use(seed):
                assert first.exists()
    with use(5) as last:
        assert len(list(last.parent.glob("*[!k]"))) == 2
    assert not first.exists()


def test_rows_are_learnt(base: str) -> None:
    _, said = tuned(base, lambda message: None)
    assert said.shape == (len(TEXTS),)
    assert np.abs(said).max() > 0
