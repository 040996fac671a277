"""Wires the forest predictor."""

from fastapi import FastAPI

from predictor_forest.predictor import ForestPredictor
from predictor_forest.settings import ForestSettings
from vigie.serving.app import predictor_app


def create_app(settings: ForestSettings | None = None) -> FastAPI:
    """The predictor; without `settings` it reads them from the environment."""
    return predictor_app("forest", ForestPredictor, settings or ForestSettings.read())
