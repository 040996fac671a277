"""Wires the distilbert predictor."""

from fastapi import FastAPI

from predictor_distilbert.predictor import DistilbertPredictor
from predictor_distilbert.settings import DistilbertSettings
from vigie.serving.app import predictor_app


def create_app(settings: DistilbertSettings | None = None) -> FastAPI:
    """The predictor; without `settings` it reads them from the environment."""
    return predictor_app("distilbert", DistilbertPredictor, settings or DistilbertSettings.read())
