"""`python -m predictor_distilbert`."""

from predictor_distilbert.app import create_app
from predictor_distilbert.settings import DistilbertSettings
from vigie.catalogue import find_family
from vigie.server import serve
from vigie.settings import family_port

if __name__ == "__main__":
    settings = DistilbertSettings.read()
    family = find_family("distilbert")
    serve(create_app(settings), settings, service=family.service, port=family_port(family))
