"""What comes of asking a version on trial, whatever it does."""

import pytest

from gateway.predictors import Answer, LeftAlone, ModelFailed, Verdict
from gateway.trial_answers import Said, said_of
from vigie.errors import NotFound, QueueFull


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (Answer("logreg", "8", (0.9,)), [Verdict("logreg", "8", 0.9)]),
        (QueueFull("no room"), None),
        (NotFound("gone"), None),
        (LeftAlone("failed of late"), None),
        (ModelFailed("cannot"), "ModelFailed: cannot"),
        (TypeError("'<=' of text"), "TypeError: '<=' of text"),
        (ValueError("no number"), "ValueError: no number"),
        (IndexError("too short"), "IndexError: too short"),
    ],
)
async def test_an_answer_is_verdicts_and_anything_raised_is_a_failure_or_nothing(
    came: Answer | Exception, said: Said
) -> None:
    async def ask() -> Answer:
        if isinstance(came, Exception):
            raise came
        return came

    assert await said_of(ask) == said
