"""`python -m predictor_logreg`."""

from predictor_logreg.app import create_app
from predictor_logreg.settings import LogregSettings
from vigie.catalogue import find_family
from vigie.server import serve
from vigie.settings import family_port

if __name__ == "__main__":
    settings = LogregSettings.read()
    family = find_family("logreg")
    serve(create_app(settings), settings, service=family.service, port=family_port(family))
