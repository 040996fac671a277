"""A tiny sentence encoder as a SavedModel: like real ones it reads strings, and hashes their words in the graph."""

from pathlib import Path
from typing import Any

WIDTH = 64


def write_saved_model(folder: Path, *, by_signature: bool = False, forbidden: bool = False) -> str:
    """Writes it; to be called itself or by its serving signature. With `forbidden` it also reads a file."""
    import tensorflow as tf  # noqa: PLC0415 (takes seconds)

    class Encoder(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
        def __call__(self, texts: Any) -> Any:
            if forbidden:
                texts = tf.strings.join([texts, tf.io.read_file("/etc/hostname")])
            words = tf.strings.split(tf.strings.lower(texts))
            hashed = tf.strings.to_hash_bucket_fast(words.values, WIDTH)
            return tf.math.unsorted_segment_sum(
                tf.one_hot(hashed, WIDTH), words.value_rowids(), tf.cast(words.nrows(), tf.int32)
            )

    class Signed(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.encoder = Encoder()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
        def encode(self, texts: Any) -> Any:
            return {"outputs": self.encoder(texts)}

    if by_signature:
        signed = Signed()
        tf.saved_model.save(signed, str(folder), signatures={"serving_default": signed.encode})
    else:
        tf.saved_model.save(Encoder(), str(folder))
    return str(folder)
