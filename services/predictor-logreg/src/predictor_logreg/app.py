"""Wires the logreg predictor."""

from fastapi import FastAPI

from predictor_logreg.predictor import LogregPredictor
from predictor_logreg.settings import LogregSettings
from vigie.serving.app import predictor_app


def create_app(settings: LogregSettings | None = None) -> FastAPI:
    """The predictor; without `settings` it reads them from the environment."""
    return predictor_app("logreg", LogregPredictor, settings or LogregSettings.read())
