"""`python -m ui`."""

from ui.app import create_app
from ui.settings import UiSettings
from vigie.web import serve

if __name__ == "__main__":
    settings = UiSettings.read()
    serve(create_app(settings), settings, service="ui", port=settings.ui_port)
