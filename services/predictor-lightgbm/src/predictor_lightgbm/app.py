"""Wires the lightgbm predictor."""

from fastapi import FastAPI

from predictor_lightgbm.predictor import LightgbmPredictor
from predictor_lightgbm.settings import LightgbmSettings
from vigie.serving.app import predictor_app


def create_app(settings: LightgbmSettings | None = None) -> FastAPI:
    """The predictor; without `settings` it reads them from the environment."""
    return predictor_app("lightgbm", LightgbmPredictor, settings or LightgbmSettings.read())
