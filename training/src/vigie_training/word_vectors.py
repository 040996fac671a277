"""FastText vectors of the words in a training, by gensim."""

import logging
from collections.abc import Sequence

import numpy as np
from gensim.models import FastText

from vigie.words import LONGEST_NGRAM, SHORTEST_NGRAM, WordVectors, words_of


def fit_word_vectors(
    texts: Sequence[str], *, width: int, epochs: int, seed: int, fewest: int = 3, buckets: int = 20_000
) -> WordVectors:
    """Skip-gram vectors `[v, width]` of every word that stands at least `fewest` times. One thread: reproducible."""
    logging.getLogger("gensim").setLevel(logging.WARNING)
    model = FastText(
        sentences=[words_of(text) for text in texts],
        vector_size=width,
        window=5,
        min_count=fewest,
        sg=1,
        negative=5,
        sample=1e-4,
        min_n=SHORTEST_NGRAM,
        max_n=LONGEST_NGRAM,
        bucket=buckets,
        epochs=epochs,
        workers=1,
        seed=seed % 2**31,
    )
    vectors = model.wv
    return WordVectors(
        vectors.index_to_key, vectors.vectors.astype(np.float16), vectors.vectors_ngrams.astype(np.float16)
    )
