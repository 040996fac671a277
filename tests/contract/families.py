"""How to write a small artefact of each family, and one that tries to run code: a new family adds a line to each."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import skops.io

from predictor_distilbert.predictor import DistilbertPredictor
from predictor_forest.predictor import ForestPredictor
from predictor_lightgbm.predictor import LightgbmPredictor
from predictor_lstm.predictor import LstmPredictor
from tests.support.graphs import write_encoder, write_foreign_graph, write_word_network
from tests.support.logreg import NEGATIVE, POSITIVE, write_logreg
from tests.support.words import small_forest, small_vectors
from vigie.artifacts import GoldenRow
from vigie.boosting import BOOSTER, open_features
from vigie.encoder import GRAPH
from vigie.platt import Calibration
from vigie.predictor import Predictor
from vigie.trees import FOREST_FILE
from vigie.word_network import NETWORK

TEXTS = (NEGATIVE[0], POSITIVE[0], "what a day @delta http://t.co/x", "☂️☂️☂️")


def write_forest(folder: Path, *, strength: float = 1.0, off_by: float = 0.0) -> list[GoldenRow]:
    """Two trees over small vectors."""
    small_forest(strength).save(folder)
    return golden_rows(ForestPredictor.load(folder), off_by)


def write_lstm(folder: Path, *, strength: float = 1.0, off_by: float = 0.0) -> list[GoldenRow]:
    """A mean over small vectors in the place of the LSTM: the predictor sees a graph."""
    vectors = small_vectors()
    vectors.save(folder)
    write_word_network(folder, vectors.width, strength=strength)
    return golden_rows(LstmPredictor.load(folder), off_by)


def write_lightgbm(folder: Path, *, strength: float = 1.0, off_by: float = 0.0) -> list[GoldenRow]:
    """Two trees over a small encoder."""
    write_encoder(folder)
    texts = [*NEGATIVE, *POSITIVE]
    data = lightgbm.Dataset(open_features(folder)(texts), [0] * len(NEGATIVE) + [1] * len(POSITIVE))
    options = {"objective": "binary", "min_data_in_leaf": 2, "min_data_in_bin": 1, "verbosity": -1}
    lightgbm.train(options, data, 2).save_model(folder / BOOSTER)
    Calibration(slope=strength, shift=0.1).save(folder)
    return golden_rows(LightgbmPredictor.load(folder), off_by)


def write_distilbert(folder: Path, *, strength: float = 1.0, off_by: float = 0.0) -> list[GoldenRow]:
    """A small encoder."""
    write_encoder(folder, strength=strength)
    return golden_rows(DistilbertPredictor.load(folder), off_by)


def golden_rows(predictor: Predictor, off_by: float) -> list[GoldenRow]:
    """What the predictor says of four texts, wrong by `off_by`."""
    return [
        GoldenRow(text=text, probability_negative=float(value) + off_by)
        for text, value in zip(TEXTS, predictor.predict(TEXTS), strict=True)
    ]


def write_hostile_logreg(folder: Path) -> list[GoldenRow]:
    """A model file that names a function of the operating system."""
    golden = write_logreg(folder)
    skops.io.dump({"columns": os.getcwd}, folder / "pipeline.skops", compression=zipfile.ZIP_DEFLATED)
    return golden


def write_hostile_forest(folder: Path) -> list[GoldenRow]:
    """Arrays with a pickled object among them."""
    golden = write_forest(folder)
    np.savez(folder / FOREST_FILE, features=np.array([os.getcwd], dtype=object))
    return golden


def write_hostile_lstm(folder: Path) -> list[GoldenRow]:
    """A graph that asks for somebody else's operator."""
    golden = write_lstm(folder)
    write_foreign_graph(folder / NETWORK)
    return golden


def write_hostile_lightgbm(folder: Path) -> list[GoldenRow]:
    """Something that is not LightGBM's text."""
    golden = write_lightgbm(folder)
    (folder / BOOSTER).write_bytes(b"\x80\x05cos\ngetcwd\n)R.")
    return golden


def write_hostile_distilbert(folder: Path) -> list[GoldenRow]:
    """A graph that asks for somebody else's operator."""
    golden = write_distilbert(folder)
    write_foreign_graph(folder / GRAPH)
    return golden


WRITERS: dict[str, Callable[..., list[GoldenRow]]] = {
    "logreg": write_logreg,
    "forest": write_forest,
    "lstm": write_lstm,
    "lightgbm": write_lightgbm,
    "distilbert": write_distilbert,
}
HOSTILE_WRITERS: dict[str, Callable[[Path], list[GoldenRow]]] = {
    "logreg": write_hostile_logreg,
    "forest": write_hostile_forest,
    "lstm": write_hostile_lstm,
    "lightgbm": write_hostile_lightgbm,
    "distilbert": write_hostile_distilbert,
}
