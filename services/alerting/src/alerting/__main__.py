"""`python -m alerting`."""

from alerting.app import create_app
from alerting.settings import AlertingSettings
from vigie.server import serve

if __name__ == "__main__":
    settings = AlertingSettings.read()
    serve(create_app(settings), settings, service="alerting", port=settings.alerting_port)
