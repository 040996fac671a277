"""`python -m predictor_lstm`."""

from predictor_lstm.app import create_app
from predictor_lstm.settings import LstmSettings
from vigie.catalogue import find_family
from vigie.server import serve
from vigie.settings import family_port

if __name__ == "__main__":
    settings = LstmSettings.read()
    family = find_family("lstm")
    serve(create_app(settings), settings, service=family.service, port=family_port(family))
