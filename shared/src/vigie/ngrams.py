"""Counts word and character n-grams of many short texts at once, without a Python loop over them.

A substring's hash is taken from prefix sums of a polynomial modulo 2**64 (Karp and Rabin 1987), so that every n-gram
costs a few NumPy operations whatever its length. There is no vocabulary: a column is a hash, and no text can be read
from it.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vigie.text import HANDLE

WORD_BITS = 22
CHARACTER_BITS = 20
COLUMNS = 2**WORD_BITS + 2**CHARACTER_BITS
FIRST_CHARACTER_COLUMN = 2**WORD_BITS
CHARACTER_LENGTHS = (3, 4, 5)
NEGATION_REACH = 4
LONGEST_TEXT = 4096
# As they look once apostrophes are gone.
NEGATORS = frozenset(
    {"no", "not", "never", "cannot", "nothing", "none", "nobody", "without", "hardly", "nor", "aint", "arent", "cant"}
    | {"couldnt", "didnt", "doesnt", "dont", "hasnt", "havent", "isnt", "shouldnt", "wasnt", "wont", "wouldnt"}
)

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
SPACE, WORD, PUNCTUATION, SYMBOL = range(4)
_NEWLINE = 10
_BUFFER = 2**16
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_COLUMN_BITS = 23


class Counts(NamedTuple):
    """One entry per text and column, sorted by both: how often the column's n-gram stands in the text."""

    documents: Integers
    columns: Integers
    counts: Integers


class Located(NamedTuple):
    """The words of one text, and its n-grams as often as they are there: `i` stands in words `first[i]`, `last[i]`."""

    words: list[str]
    columns: Integers
    first: Integers
    last: Integers


class _Grams(NamedTuple):
    """n-grams of one kind, with the first and the last point of the words that each belongs to."""

    kind: int
    hashes: Hashes
    documents: Integers
    first: Integers
    last: Integers


class _Buffer(NamedTuple):
    """Folded texts in a row, a space before and after each: code points, kinds, document numbers, prefix sums."""

    points: npt.NDArray[np.uint32]
    kinds: npt.NDArray[np.uint8]
    documents: Integers
    sums: Hashes

    def hashes(self, starts: Integers, ends: Integers) -> Hashes:
        """Hashes of the substrings `[start, end)`, the same wherever the substring stands."""
        return (self.sums[ends] - self.sums[starts]) * _powers(_INVERSE)[starts]


def count_ngrams(texts: Sequence[str]) -> Counts:
    """n-grams of normalised texts (no line breaks; at most `LONGEST_TEXT` characters each are read).

    Columns below `FIRST_CHARACTER_COLUMN`: words, pairs of words, and words that follow a negation; above: character
    n-grams within a word and its neighbouring spaces.
    """
    if not texts:
        nothing = np.zeros(0, np.int64)
        return Counts(nothing, nothing, nothing)
    parts = [_keys(chunk) + (first << _COLUMN_BITS) for first, chunk in _chunks(texts)]
    keys = np.concatenate(parts)
    differs = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=differs[1:])
    first_of_kind = differs.nonzero()[0]
    counts = np.concatenate((first_of_kind[1:], (len(keys),)))[: len(first_of_kind)] - first_of_kind
    keys = keys[first_of_kind]
    return Counts(keys >> _COLUMN_BITS, keys & (2**_COLUMN_BITS - 1), counts)


def _chunks(texts: Sequence[str]) -> list[tuple[int, list[str]]]:
    """(Number of the first text, texts): together short enough for the table of powers, folded or not."""
    chunks: list[tuple[int, list[str]]] = []
    room = 0
    for number, text in enumerate(texts):
        short = text[:LONGEST_TEXT]
        if room < len(short) + 2:
            chunks.append((number, []))
            room = _BUFFER // 4
        chunks[-1][1].append(short)
        room -= len(short) + 2
    return chunks


def locate_ngrams(text: str) -> Located:
    """The n-grams that `count_ngrams` counts in one normalised text, with the words that they stand in.

    Words are what spaces part, as they look once folded.
    """
    buffer = _fold([text[:LONGEST_TEXT]])
    inside = buffer.kinds != SPACE
    numbers = np.cumsum(inside & ~np.concatenate(([False], inside[:-1]))) - 1
    grams = list(_grams(buffer))
    return Located(
        "".join(map(chr, buffer.points.tolist())).split(),
        np.concatenate([_key(each.hashes, each.documents * 0, each.kind) for each in grams]),
        np.concatenate([numbers[each.first] for each in grams]),
        np.concatenate([numbers[each.last] for each in grams]),
    )


def _keys(texts: list[str]) -> Integers:
    """Sorted `document << 23 | column` of every n-gram."""
    joined = np.concatenate([_key(each.hashes, each.documents, each.kind) for each in _grams(_fold(texts))])
    joined.sort()
    return joined


def _grams(buffer: _Buffer) -> Iterator[_Grams]:
    starts = _begins(buffer.kinds).nonzero()[0]
    ends = _begins(buffer.kinds[::-1])[::-1].nonzero()[0] + 1
    words, documents = buffer.hashes(starts, ends), buffer.documents[starts]
    yield _Grams(1, words, documents, starts, starts)
    paired = (documents[:-1] == documents[1:]).nonzero()[0]
    pairs = buffer.hashes(starts[paired], ends[paired + 1])
    yield _Grams(2, pairs, documents[paired], starts[paired], starts[paired + 1])
    negated = _negated(words, documents, buffer.kinds[starts] == WORD)
    yield _Grams(3, words[negated], documents[negated], starts[negated], starts[negated])
    yield from _characters(buffer)


def _fold(texts: list[str]) -> _Buffer:
    """Lower case, no apostrophes, a character at most three times in a row, every handle alike."""
    joined = "\n" + "\n".join(texts) + "\n"
    joined = joined.lower().replace("'", "").replace(HANDLE, "@")
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    repeated = np.zeros(len(points), bool)
    same = points[1:] == points[:-1]
    repeated[3:] = same[2:] & same[1:-1] & same[:-2] & (points[3:] != _NEWLINE)
    points = points[~repeated]
    documents = np.cumsum(points == _NEWLINE) - 1
    points = np.where(points == _NEWLINE, np.uint32(ord(" ")), points)
    kinds = _kinds()[np.minimum(points, 0xFFFF)]
    return _Buffer(points, kinds, documents, _prefix_sums(points))


def _prefix_sums(points: npt.NDArray[np.uint32]) -> Hashes:
    sums = np.zeros(len(points) + 1, np.uint64)
    np.cumsum(_mixed(points.astype(np.uint64)) * _powers(_BASE)[: len(points)], out=sums[1:])
    return sums


def _begins(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a token starts: a run of word characters or of punctuation, or a single symbol."""
    changed = np.ones(len(kinds), bool)
    changed[1:] = kinds[1:] != kinds[:-1]
    begins: npt.NDArray[np.bool_] = (kinds != SPACE) & (changed | (kinds == SYMBOL))
    return begins


def _negated(words: Hashes, documents: Integers, is_word: npt.NDArray[np.bool_]) -> Integers:
    """Numbers of the words that stand at most four tokens after a negation, with no punctuation between."""
    numbers = np.arange(len(words))
    negators = _negators()
    negator = negators[np.minimum(np.searchsorted(negators, words), len(negators) - 1)] == words
    last = np.maximum.accumulate(np.where(negator, numbers, -1))
    before = np.concatenate(([-1], last[:-1])) if len(last) else last
    stop = np.maximum.accumulate(np.where(is_word, -1, numbers))
    near = (before >= 0) & (numbers - before <= NEGATION_REACH) & (before > stop) & is_word
    found: Integers = (near & (documents[np.maximum(before, 0)] == documents)).nonzero()[0]
    return found


def _characters(buffer: _Buffer) -> Iterator[_Grams]:
    spaces = np.concatenate(([0], np.cumsum(buffer.kinds == SPACE)))
    for length in CHARACTER_LENGTHS:
        starts = np.arange(max(0, len(buffer.points) - length + 1))
        starts = starts[spaces[starts + length - 1] == spaces[starts + 1]]
        second = starts + 1  # the first point may be the space before the word
        hashes = buffer.hashes(starts, starts + length)
        yield _Grams(100 + length, hashes, buffer.documents[starts], second, second)


def _key(hashes: Hashes, documents: Integers, kind: int) -> Integers:
    """`document << 23 | column`; the kind keeps the same substring in different roles apart."""
    mixed = _mixed(hashes ^ np.uint64(kind * 0x1234567))
    if kind < 100:
        columns = (mixed >> np.uint64(64 - WORD_BITS)).astype(np.int64)
    else:
        columns = (mixed >> np.uint64(64 - CHARACTER_BITS)).astype(np.int64) + FIRST_CHARACTER_COLUMN
    return (documents << _COLUMN_BITS) | columns


def _mixed(values: Hashes) -> Hashes:
    """A bijection that spreads every input bit over the high output bits (splitmix64's way)."""
    values = (values + np.uint64(_BASE)) * _MIXER
    values ^= values >> np.uint64(29)
    return values * np.uint64(_BASE)


@cache
def _powers(base: int) -> Hashes:
    factors = np.full(_BUFFER, base, np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Kinds of the characters of the basic plane; those beyond, emoji above all, count as its last one: a symbol."""
    kinds = np.full(0x10000, SYMBOL, np.uint8)
    for point in range(0xFFFF):
        character = chr(point)
        if character.isalnum() or character == "_" or 0x300 <= point < 0x370:
            kinds[point] = WORD
        elif character.isspace():
            kinds[point] = SPACE
        elif point < 128:
            kinds[point] = PUNCTUATION
    return kinds


@cache
def _negators() -> Hashes:
    """Sorted: in so short a table a search costs a fraction of what `np.isin` does."""
    points = [np.array([ord(character) for character in word], np.uint32) for word in sorted(NEGATORS)]
    return np.sort(np.array([_prefix_sums(word)[-1] for word in points]))
