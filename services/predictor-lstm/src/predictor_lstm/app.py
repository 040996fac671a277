"""Wires the lstm predictor."""

from fastapi import FastAPI

from predictor_lstm.predictor import LstmPredictor
from predictor_lstm.settings import LstmSettings
from vigie.serving.app import predictor_app


def create_app(settings: LstmSettings | None = None) -> FastAPI:
    """The predictor; without `settings` it reads them from the environment."""
    return predictor_app("lstm", LstmPredictor, settings or LstmSettings.read())
