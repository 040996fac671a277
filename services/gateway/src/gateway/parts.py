"""A long list of texts, asked for in parts: while one part is computed, the answers of the part before are drawn up."""

import asyncio
from collections.abc import AsyncGenerator

from gateway.predictors import PredictorClient, Verdict

PART = 250


async def verdicts_in_parts(
    client: PredictorClient, texts: list[str], until: float
) -> AsyncGenerator[list[Verdict], None]:
    """The verdicts of the next texts, as soon as they are known, in order; the same text again is asked for once.

    Parts may come from two versions, where one takes over meanwhile. Raises like `PredictorClient.infer_many`, also
    after the first parts; close it, so that what nobody waits for any more is not computed.
    """
    different = list(dict.fromkeys(texts))
    asked = client.infer_parts(different, until, size=PART)
    known: dict[str, Verdict] = {}
    place = 0
    try:
        for part, answer in asked:
            known.update(zip(part, (await answer).verdicts(), strict=True))
            found: list[Verdict] = []
            while place < len(texts) and texts[place] in known:
                found.append(known[texts[place]])
                place += 1
            yield found
    finally:
        for _, answer in asked:
            answer.cancel()
        await asyncio.gather(*(answer for _, answer in asked), return_exceptions=True)
