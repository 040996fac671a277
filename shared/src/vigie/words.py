"""Words of a tweet and their FastText vectors, known or made of character n-grams (Bojanowski et al. 2017)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from vigie.artifacts import ArtifactError
from vigie.text import normalise

WORDS_FILE = "words.npz"
SHORTEST_NGRAM, LONGEST_NGRAM = 3, 5
LONGEST_WORD = 40
MOST_WORDS = 120

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_TOKENS = re.compile(r"<3|[:;=8xX][-o*']?[()\[\]dDpP/\\|]+|\w+(?:'\w+)*|[!?.]{1,3}|[^\w\s]")
_REPEATED = re.compile(r"(.)\1{2,}")


class Lookup(NamedTuple):
    """Words of n texts one after another: their number in the table or -1, and the ends `[n]` of the texts."""

    words: list[str]
    numbers: Integers
    ends: Integers


def words_of(text: str) -> list[str]:
    """Lower-case words, emoticons and marks of a text as it came; a character stands at most three times in a row."""
    folded = _REPEATED.sub(r"\1\1\1", normalise(text).lower())
    return [word[:LONGEST_WORD] for word in _TOKENS.findall(folded)[:MOST_WORDS]]


class WordVectors:
    """A table of known words, and buckets of n-grams for all others."""

    def __init__(self, vocabulary: Sequence[str], vectors: npt.NDArray[np.float16], buckets: npt.NDArray[np.float16]):
        """`vectors` `[v, d]` of the v words, `buckets` `[b, d]`; raises `ValueError` when they do not fit together."""
        if vectors.ndim != 2 or vectors.shape != (len(vocabulary), buckets.shape[-1]) or buckets.ndim != 2:
            raise ValueError(
                f"expected vectors [{len(vocabulary)}, d] and buckets [b, d], got {vectors.shape!r}, {buckets.shape!r}"
            )
        self.vocabulary = list(vocabulary)
        self.vectors = vectors
        self.buckets = buckets
        self._numbers = {word: number for number, word in enumerate(self.vocabulary)}

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when the file is not what `save` writes."""
        kinds = {"vocabulary": "uint8", "vectors": "float16", "buckets": "float16"}
        arrays = read_arrays(directory / WORDS_FILE, kinds)
        return cls(arrays["vocabulary"].tobytes().decode().split("\n"), arrays["vectors"], arrays["buckets"])

    def save(self, directory: Path) -> None:
        """Writes `words.npz`."""
        vocabulary = np.frombuffer("\n".join(self.vocabulary).encode(), np.uint8)
        np.savez_compressed(directory / WORDS_FILE, vocabulary=vocabulary, vectors=self.vectors, buckets=self.buckets)

    @property
    def width(self) -> int:
        """d, the length of a vector."""
        return int(self.vectors.shape[1])

    def look_up(self, texts: Sequence[str]) -> Lookup:
        """The words of n texts."""
        found = [words_of(text) for text in texts]
        words = [word for each in found for word in each]
        numbers = np.array([self._numbers.get(word, -1) for word in words], np.int64)
        return Lookup(words, numbers, np.cumsum([len(each) for each in found], dtype=np.int64))

    def of(self, lookup: Lookup) -> Floats:
        """A vector for every word: `[words, d]`."""
        vectors = self.vectors[lookup.numbers].astype(np.float32)
        for place in np.flatnonzero(lookup.numbers < 0):
            vectors[place] = self.unknown(lookup.words[place])
        return vectors

    def unknown(self, word: str) -> Floats:
        """The mean of the word's n-grams `[d]`."""
        rows = self.buckets[list(bucket_numbers(word, len(self.buckets)))]
        return np.asarray(rows.astype(np.float32).mean(0) if len(rows) else np.zeros(self.width), np.float32)


@lru_cache(maxsize=65536)
def bucket_numbers(word: str, buckets: int) -> tuple[int, ...]:
    """Where gensim's FastText keeps the n-grams of a word: 32-bit FNV-1a over UTF-8, bytes taken as signed."""
    wrapped = f"<{word}>"
    found = []
    for start in range(len(wrapped)):
        for length in range(SHORTEST_NGRAM, min(LONGEST_NGRAM, len(wrapped) - start) + 1):
            hashed = 2166136261
            for byte in wrapped[start : start + length].encode("utf-8", "surrogatepass"):
                signed = byte | 0xFFFFFF00 if byte & 0x80 else byte
                hashed = (hashed ^ signed) * 16777619 & 0xFFFFFFFF
            found.append(hashed % buckets)
    return tuple(found)


def read_arrays(path: Path, kinds: Mapping[str, str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a `.npz` file by name; raises `ArtifactError` when one is missing or is not of its kind."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in kinds}
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise ArtifactError(f"{path.name}: a file of arrays that must not be loaded: {error}") from error
    for name, kind in kinds.items():
        if arrays[name].dtype != kind:
            raise ArtifactError(f"{path.name}: {name}: expected {kind}, got {arrays[name].dtype}")
    return arrays
