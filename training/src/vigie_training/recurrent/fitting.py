"""Fits a bidirectional LSTM and the word vectors under it by Keras on TensorFlow."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from vigie.word_network import LONGEST
from vigie.words import Lookup, WordVectors
from vigie_training.recipes import Report
from vigie_training.weighting import Labelled

PADDING, NO_WORD, FIRST_WORD = 0, 1, 2
_TOGETHER = 50

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


class Shape(NamedTuple):
    """Sizes and pace of a fit: so many epochs, and more where few rows would make less than `fewest_steps` of them."""

    units: int = 96
    epochs: int = 3
    batch: int = 128
    rate: float = 1.5e-3
    dropout: float = 0.4
    fewest_steps: int = 600


QUICK = Shape(units=32, epochs=3, batch=32, rate=3e-3)


class FittedNetwork(NamedTuple):
    """`body` maps vectors `[n, t, d]` and a mask `[n, t]` to scores `[n, 1]`; the vectors it was fitted with."""

    body: keras.Model
    vectors: WordVectors


class _Pooling(keras.layers.Layer):  # type: ignore[misc]
    """The highest and the mean of each unit over a text's words: `[n, t, u]` and a mask to `[n, 2 * u]`."""

    supports_masking = True

    def compute_mask(self, *arguments: Any, **named: Any) -> None:
        """What comes out has no words any longer."""

    def call(self, values: Any, present: Any) -> Any:
        """`present` `[n, t]` is boolean."""
        there = keras.ops.expand_dims(present, -1)
        highest = keras.ops.max(keras.ops.where(there, values, -1e9), axis=1)
        total = keras.ops.sum(keras.ops.where(there, values, 0.0), axis=1)
        count = keras.ops.sum(keras.ops.cast(there, "float32"), axis=1)
        return keras.ops.concatenate([highest, total / count], axis=-1)


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Texts of similar length together, in another order every epoch."""

    def __init__(self, numbers: list[Integers], targets: Doubles, weights: Doubles, size: int, seed: int) -> None:
        super().__init__()
        self._numbers, self._targets, self._weights, self._size = numbers, targets, weights, size
        self._generator = np.random.default_rng(seed)
        self._lengths = np.array([len(each) for each in numbers])
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Integers, Doubles, Doubles]:
        chosen = self._batches[index]
        return padded_numbers([self._numbers[row] for row in chosen]), self._targets[chosen], self._weights[chosen]

    def on_epoch_end(self) -> None:
        """Draws new batches."""
        order = self._generator.permutation(len(self._numbers))
        batches = []
        for start in range(0, len(order), self._size * _TOGETHER):
            part = order[start : start + self._size * _TOGETHER]
            part = part[np.argsort(self._lengths[part], kind="stable")]
            batches += [part[first : first + self._size] for first in range(0, len(part), self._size)]
        self._batches = [batches[number] for number in self._generator.permutation(len(batches))]


def fit_network(vectors: WordVectors, rows: Labelled, shape: Shape, *, seed: int, report: Report) -> FittedNetwork:
    """Fits the network and, with it, the vectors of the words in the rows."""
    keras.utils.set_random_seed(seed % 2**31)
    lookup = vectors.look_up(rows.texts)
    table, numbers = _table(vectors, lookup)
    body = _body(vectors.width, shape)
    words = keras.Input((None,), dtype="int64")
    embedding = keras.layers.Embedding(*table.shape, weights=[table])
    network = keras.Model(words, body([embedding(words), keras.ops.not_equal(words, PADDING)]))
    batches = _Batches(numbers, rows.targets, rows.weights, shape.batch, seed)
    epochs = max(shape.epochs, -(-shape.fewest_steps // len(batches)))
    rate = keras.optimizers.schedules.CosineDecay(shape.rate, epochs * len(batches), alpha=0.02)
    network.compile(keras.optimizers.Adam(rate, clipnorm=1.0), keras.losses.BinaryCrossentropy(from_logits=True))
    told = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: report(f"fitting the LSTM, epoch {epoch + 1} of {epochs}")
    )
    network.fit(batches, epochs=epochs, verbose=0, callbacks=[told])
    tuned = np.asarray(embedding.get_weights()[0])[FIRST_WORD : FIRST_WORD + len(vectors.vocabulary)]
    return FittedNetwork(body, WordVectors(vectors.vocabulary, tuned.astype(np.float16), vectors.buckets))


def padded_numbers(numbers: Sequence[Integers]) -> Integers:
    """`[n, t]`, `PADDING` beyond a text's end."""
    padded = np.full((len(numbers), max(map(len, numbers))), PADDING, np.int64)
    for row, each in enumerate(numbers):
        padded[row, : len(each)] = each
    return padded


def _body(width: int, shape: Shape) -> keras.Model:
    vectors, present = keras.Input((None, width)), keras.Input((None,), dtype="bool")
    dropped = keras.layers.SpatialDropout1D(shape.dropout / 2)(vectors)
    recurrent = keras.layers.Bidirectional(keras.layers.LSTM(shape.units, return_sequences=True), name="recurrent")
    pooled = _Pooling()(recurrent(dropped, mask=present), present)
    score = keras.layers.Dense(1, name="score")(keras.layers.Dropout(shape.dropout)(pooled))
    return keras.Model([vectors, present], score)


def _table(vectors: WordVectors, lookup: Lookup) -> tuple[npt.NDArray[np.float32], list[Integers]]:
    """Vectors of all words that stand in the texts, the unknown ones last, and each text as row numbers."""
    unknown = sorted({word for word, number in zip(lookup.words, lookup.numbers, strict=True) if number < 0})
    places = {word: number for number, word in enumerate(unknown, FIRST_WORD + len(vectors.vocabulary))}
    special = np.zeros((FIRST_WORD, vectors.width), np.float32)
    composed = [vectors.unknown(word)[None] for word in unknown]
    table = np.concatenate([special, vectors.vectors.astype(np.float32), *composed])
    pairs = zip(lookup.words, lookup.numbers.tolist(), strict=True)
    rows = np.array([places[word] if number < 0 else FIRST_WORD + number for word, number in pairs], np.int64)
    parts = np.split(rows, lookup.ends[:-1])
    return table, [part[:LONGEST] if len(part) else np.array([NO_WORD]) for part in parts]
