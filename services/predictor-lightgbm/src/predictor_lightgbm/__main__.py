"""`python -m predictor_lightgbm`."""

from predictor_lightgbm.app import create_app
from predictor_lightgbm.settings import LightgbmSettings
from vigie.catalogue import find_family
from vigie.server import serve
from vigie.settings import family_port

if __name__ == "__main__":
    settings = LightgbmSettings.read()
    family = find_family("lightgbm")
    serve(create_app(settings), settings, service=family.service, port=family_port(family))
