"""`python -m feedback`."""

from feedback.app import create_app
from feedback.settings import FeedbackSettings
from vigie.server import serve

if __name__ == "__main__":
    settings = FeedbackSettings.read()
    serve(create_app(settings), settings, service="feedback", port=settings.feedback_port)
