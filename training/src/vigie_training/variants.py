"""Further texts for a small model to learn from, whose labels a larger one gives."""

from collections.abc import Sequence

import numpy as np

JOINED, CUT = 0.4, 0.3
DROPPED = 0.1
SHORTEST = 3


def variants(texts: Sequence[str], seed: int) -> list[str]:
    """One of each of n texts, which need not be one that anybody would write.

    Four in ten are its beginning and another text's end, three in ten are some words in a row, and of all of them one
    word in ten is left out (after Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural
    Networks"): the small model sees where the large one changes its mind.
    """
    generator = np.random.default_rng(seed)
    words = [text.split() for text in texts]
    others = generator.permutation(len(words)).tolist()
    ways = generator.random(len(words)).tolist()
    found = []
    for mine, other, way, text in zip(words, others, ways, texts, strict=True):
        if not mine:
            found.append(text)
            continue
        kept = mine
        if way < JOINED:
            kept = (
                mine[: generator.integers(1, len(mine) + 1)] + words[other][generator.integers(len(words[other]) + 1) :]
            )
        elif way < JOINED + CUT and len(mine) > SHORTEST:
            length = generator.integers(SHORTEST, len(mine))
            start = generator.integers(len(mine) - length + 1)
            kept = mine[start : start + length]
        stays = (generator.random(len(kept)) >= DROPPED).tolist()
        found.append(" ".join(word for word, stay in zip(kept, stays, strict=True) if stay) or text)
    return found
