"""The limit of what serving can reach: the same artefact in this process, without any server."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import chain, count, islice
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from tests.bench.load import numbered
from vigie.encoder import padded
from vigie.predictor import LoadablePredictor, Predictor
from vigie.processors import usable_processors
from vigie.temperatures import load_tempered
from vigie.text import normalise
from vigie_training.transformer.network import default_base_model, load_base
from vigie_training.transformer.tuning import prepared_tokenizer

SECONDS = 2.0
SIZES = (32, 64, 128, 256, 512)

Rates = dict[int, float]
"""Tweets per second by the size of a batch."""


def open_predictor(family: str, artefact: Path) -> Predictor:
    """The family's own class over the artefact that its service serves."""
    module = import_module(f"predictor_{family}.predictor")
    kind: type[LoadablePredictor] = getattr(module, f"{family.capitalize()}Predictor")
    return load_tempered(kind, artefact)


def in_process(family: str, artefact: Path, texts: Sequence[str], sizes: Sequence[int] = SIZES) -> Rates:
    """Of that artefact; every tweet is a new one, as for the server."""
    predictor = open_predictor(family, artefact)
    return {size: rate(predictor.predict, texts, size) for size in sizes}


def in_torch(texts: Sequence[str]) -> Rates:
    """Of the network that `distilbert` is by default, in bfloat16, sorted by length, with all processors.

    Its weights do not matter for the time. Both ways of getting bfloat16 are tried; each size has the better one.
    """
    torch.set_num_threads(usable_processors())
    network, tokenizer_json = load_base(default_base_model())
    network.eval()
    tokenizer = prepared_tokenizer(tokenizer_json)

    def predict(chosen: Sequence[str]) -> object:
        tokens = [each.ids for each in tokenizer.encode_batch_fast([normalise(text) for text in chosen])]
        tokens.sort(key=len)
        parts = [padded(tokens[start : start + 64]) for start in range(0, len(tokens), 64)]
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            return [network(torch.from_numpy(ids), torch.from_numpy(mask))[0].float().numpy() for ids, mask in parts]

    by_autocast = {size: rate(predict, texts, size) for size in SIZES}
    network.to(torch.bfloat16)
    return {size: max(known, rate(predict, texts, size)) for size, known in by_autocast.items()}


def rate(predict: Callable[[Sequence[str]], object], texts: Sequence[str], size: int) -> float:
    """Tweets per second in batches of that size."""
    batches = _batches(texts, size)
    predict(next(batches))
    done, started = 0, perf_counter()
    while perf_counter() - started < SECONDS:
        predict(next(batches))
        done += size
    return done / (perf_counter() - started)


def time_by_tokens(artefact: Path) -> list[dict[str, float]]:
    """Milliseconds of a batch of the transformer's artefact by its tokens: texts of many lengths, batches of many."""
    predictor = open_predictor("distilbert", artefact)
    found = []
    for words in (2, 6, 14, 30, 60):
        for size in (1, 4, 16, 64):
            texts = [" ".join(["late"] * words)] * size
            taken = [_seconds(predictor, texts) for _ in range(5)]
            found.append({"texts": size, "tokens": size * (words + 2), "ms": float(np.median(taken)) * 1000})
    return found


def _seconds(predictor: Predictor, texts: list[str]) -> float:
    started = perf_counter()
    predictor.predict(texts)
    return perf_counter() - started


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    new = chain.from_iterable(numbered(texts) for _ in count())
    while True:
        yield list(islice(new, size))
