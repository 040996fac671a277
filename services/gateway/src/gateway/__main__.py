"""`python -m gateway`."""

from gateway.app import create_app
from gateway.settings import GatewaySettings
from vigie.server import serve

if __name__ == "__main__":
    settings = GatewaySettings.read()
    serve(create_app(settings), settings, service="gateway", port=settings.gateway_port)
