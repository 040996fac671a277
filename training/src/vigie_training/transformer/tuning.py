"""Tunes a pretrained transformer on labelled tweets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vigie.text import normalise
from vigie_training.recipes import Report
from vigie_training.transformer.checkpoint import Checkpoint
from vigie_training.transformer.network import SentimentNetwork
from vigie_training.transformer.precision import Precision, bfloat16_pays
from vigie_training.weighting import Labelled

LONGEST = 64
REMEMBERED = 0.2
MASK = "[MASK]"
_REPORTS = 20
_AVERAGED_EVERY = 4
_BATCHES_SORTED_TOGETHER = 50

Tokens = list[list[int]]


class Schedule(NamedTuple):
    """How long and how fast: `rate` is the peak of a linear warm-up and decay.

    `hidden` is the share of tokens that are masked at random; `own_view` is how much of a row's target is, from the
    second epoch on, what the network said of the row before (temporal ensembling, Laine and Aila 2017). Labels made
    from emoticons are often wrong: without either, they are learnt by heart in the third epoch.
    """

    epochs: int = 3
    batch: int = 128
    rate: float = 1.6e-4
    warm_up: float = 0.06
    decay: float = 0.01
    head_rate: float = 1e-3
    hidden: float = 0.08
    own_view: float = 0.5
    averaged: float = 0.2


FIRST = Schedule(epochs=1, rate=1e-4)
QUICK = Schedule(epochs=3, batch=16, rate=4e-5, head_rate=1e-2)


class Said:
    """What the network said of each row, on average over the epochs; kept with a checkpoint."""

    def __init__(self, rows: int) -> None:
        self._sums = torch.zeros(rows)
        self._times = torch.zeros(rows)

    def add(self, rows: npt.NDArray[np.int64], scores: torch.Tensor) -> None:
        """Scores `[k]` of k rows, as they were before the network learnt from them this time."""
        self._sums[rows] += scores
        self._times[rows] += 1

    def scores(self, rows: npt.NDArray[np.int64] | slice) -> torch.Tensor:
        """The mean score of each; 0 for a row that has not been seen."""
        return self._sums[rows] / self._times[rows].clamp(min=1)

    def blended(self, rows: npt.NDArray[np.int64], targets: torch.Tensor, share: float) -> torch.Tensor:
        """The targets of k rows of all `targets`, `share` of them what was said of the row before."""
        trust = share * self._times[rows].clamp(max=1)
        return targets[rows] * (1 - trust) + torch.sigmoid(self.scores(rows)) * trust

    def state_dict(self) -> dict[str, torch.Tensor]:
        """See `checkpoint.Stateful`."""
        return {"sums": self._sums, "times": self._times}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """See `checkpoint.Stateful`."""
        self._sums.copy_(state["sums"])
        self._times.copy_(state["times"])


def prepared_tokenizer(tokenizer_json: bytes) -> Tokenizer:
    """As it is stored with the model: truncates by itself, leaves padding to the caller."""
    tokenizer = Tokenizer.from_buffer(tokenizer_json)
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()
    return tokenizer


def fastest() -> Precision:
    """The precision in which this processor learns faster."""
    return Precision(half=bfloat16_pays())


class _State:
    """Everything that changes in a fit of so many rows and steps, or must not change when it goes on."""

    def __init__(
        self, network: SentimentNetwork, schedule: Schedule, precision: Precision, rows: int, steps: int
    ) -> None:
        self.network, self.schedule, self.precision = network, schedule, precision
        self.said = Said(rows)
        self.optimiser = _optimiser(network, schedule)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: _factor(step, steps, schedule.warm_up)
        )
        mean = get_ema_multi_avg_fn(_decay(schedule.averaged * steps))  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(network, multi_avg_fn=mean)

    def kept_in(self, path: Path) -> Checkpoint:
        """All of it, in that file."""
        parts = (self.network, self.averaged, self.optimiser, self.scheduler, self.said, self.precision)
        return Checkpoint(path, *parts)

    def learn(
        self, identifiers: torch.Tensor, attention: torch.Tensor, believed: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """One step on k rows; returns what the network said of them before: scores `[k]`."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision.half):
            scores = self.network(identifiers, attention)[0].float()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(scores, believed, reduction="none")
        self.optimiser.zero_grad(set_to_none=True)
        (losses * weights).mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.scheduler.step()
        if self.scheduler.last_epoch % _AVERAGED_EVERY == 0:
            self.averaged.update_parameters(self.network)
        said: torch.Tensor = scores.detach()
        return said


def tune_in_turn(
    network: SentimentNetwork,
    tokenizer: Tokenizer,
    stages: Sequence[Labelled],
    last: Schedule,
    *,
    seed: int,
    report: Report,
    kept: Callable[[int], Path],
    precision: Precision | None = None,
) -> list[npt.NDArray[np.float32]]:
    """Fits on one stage after the other, on the last one by the schedule `last`; scores of each like those of `tune`.

    What comes last shapes most and makes the network forget what came before: so every weight then goes a share
    (`REMEMBERED`) of the way back to where it was (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    `kept` is the file of each stage, from 1; `precision` is the same in all, as in `tune`.
    """
    scores, precision = [], precision or fastest()
    for number, rows in enumerate(stages, 1):
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        schedule = last if number == len(stages) else FIRST
        said = tune(
            network, tokenizer, rows, schedule, seed=seed, report=report, kept=kept(number), precision=precision
        )
        scores.append(said)
        if number > 1:
            _go_back(network, before)
    return scores


def tune(
    network: SentimentNetwork,
    tokenizer: Tokenizer,
    rows: Labelled,
    schedule: Schedule,
    *,
    seed: int,
    report: Report,
    kept: Path | None = None,
    clock: Callable[[], float] = monotonic,
    precision: Precision | None = None,
) -> npt.NDArray[np.float32]:
    """Fits every weight of the network in place, in `precision`, by default the one that is faster on this processor.

    Returns its scores of *positive* `[n]` from before it learnt from each row, on average over the epochs. If the file
    `kept` is there, the fit goes on from it, in the precision that it says (which `precision` then becomes), and ends
    as it would have without the interruption; else it is written.
    """
    torch.manual_seed(seed)
    tokens = [encoded.ids for encoded in tokenizer.encode_batch_fast([normalise(text) for text in rows.texts])]
    targets, weights = (torch.tensor(each, dtype=torch.float32) for each in (rows.targets, rows.weights))
    steps = schedule.epochs * -(-len(tokens) // schedule.batch)
    state = _State(network, schedule, precision or fastest(), len(tokens), steps)
    checkpoint, mask = state.kept_in(kept) if kept else None, tokenizer.token_to_id(MASK) or 0
    start = checkpoint.restore() if checkpoint else 0
    network.train()
    for step, chosen in islice(enumerate(_all_batches(tokens, schedule, seed)), start, None):
        if step % max(1, steps // _REPORTS) == 0:
            report(f"tuning the transformer, {100 * step // steps} %")
            if checkpoint and step > start:
                checkpoint.keep(step, clock)
        identifiers, attention = padded([tokens[row] for row in chosen])
        believed = state.said.blended(chosen, targets, schedule.own_view)
        identifiers = hide(identifiers, schedule.hidden, mask)
        state.said.add(chosen, state.learn(identifiers, attention, believed, weights[chosen]))
    network.load_state_dict(state.averaged.module.state_dict())
    network.eval()
    return state.said.scores(slice(None)).numpy()


def padded(tokens: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
    """Identifiers and mask, `[n, t]` each."""
    longest = max(map(len, tokens))
    identifiers = torch.tensor([row + [0] * (longest - len(row)) for row in tokens])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens])
    return identifiers, mask


def hide(identifiers: torch.Tensor, share: float, mask: int) -> torch.Tensor:
    """Puts `mask` in the place of that share of the tokens `[n, t]`, but of the first."""
    hidden = torch.rand(identifiers.shape) < share
    hidden[:, 0] = False
    return torch.where(hidden, mask, identifiers)


def _go_back(network: SentimentNetwork, before: Mapping[str, torch.Tensor]) -> None:
    now = network.state_dict()
    moved = {name: torch.lerp(now[name], old, REMEMBERED) for name, old in before.items() if old.is_floating_point()}
    network.load_state_dict(now | moved)


def _all_batches(tokens: Tokens, schedule: Schedule, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    for epoch in range(schedule.epochs):
        yield from _batches(tokens, schedule.batch, np.random.default_rng([seed, epoch]))


def _batches(tokens: Tokens, size: int, generator: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Every row once, in batches of rows of similar length: little is padded."""
    lengths = np.array([len(row) for row in tokens])
    order = generator.permutation(len(tokens))
    together = size * _BATCHES_SORTED_TOGETHER
    batches = []
    for start in range(0, len(order), together):
        part = order[start : start + together]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[first : first + size] for first in range(0, len(part), size)]
    for number in generator.permutation(len(batches)):
        yield batches[number]


def _optimiser(network: SentimentNetwork, schedule: Schedule) -> torch.optim.Optimizer:
    """AdamW; biases and norms are not decayed, and the head, which starts from nothing, learns faster."""
    body = list(network.encoder.parameters())
    groups = [
        {"params": [p for p in body if p.ndim > 1], "lr": schedule.rate, "weight_decay": schedule.decay},
        {"params": [p for p in body if p.ndim <= 1], "lr": schedule.rate, "weight_decay": 0.0},
        {"params": list(network.head.parameters()), "lr": schedule.head_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, fused=True)


def _decay(steps: float) -> float:
    """Of an exponential mean over that many steps, updated every `_AVERAGED_EVERY`."""
    return max(0.0, 1 - _AVERAGED_EVERY / max(steps, 1.0))


def _factor(step: int, steps: int, warm_up: float) -> float:
    rising = max(1, round(steps * warm_up))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / max(1, steps - rising))
