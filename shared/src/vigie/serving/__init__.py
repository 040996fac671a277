"""A predictor's application for any model family: see `vigie.serving.app`."""
