"""`python -m predictor_forest`."""

from predictor_forest.app import create_app
from predictor_forest.settings import ForestSettings
from vigie.catalogue import find_family
from vigie.server import serve
from vigie.settings import family_port

if __name__ == "__main__":
    settings = ForestSettings.read()
    family = find_family("forest")
    serve(create_app(settings), settings, service=family.service, port=family_port(family))
