"""What a surge is about: its most typical tweets, and the words that rose most."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log, sqrt

from alerting.radar.watch import Tweet
from vigie.alerts import RisenWord
from vigie.text import normalise

LEAST_TWEETS_WITH_WORD = 3
_WORD = re.compile(r"[^\W\d_][\w'’-]+")
_PLAIN = (
    "the and you for that this with have not are was but your can from just they what when will get got its it's i'm "
    "i've don't can't all our out has had been how why who there their them then than too very now one two still more "
    "user http rt les des une est pas que qui pour avec dans sur vous nous mais mon mes vos votre plus tout son ses "
    "aux par ont sont cette fait c'est j'ai n'est"
)
_STOP = frozenset(_PLAIN.split())


def typical(tweets: Sequence[Tweet], count: int) -> list[Tweet]:
    """The tweets that share most words with the others, different ones, the most typical first.

    Similarity is the cosine between word sets; a tweet too close to one that is chosen already is passed over.
    """
    distinct = list({normalise(tweet.text).casefold(): tweet for tweet in tweets}.values())
    bags = [words(tweet.text) for tweet in distinct]
    weights = [sum(_cosine(bag, other) for other in bags) for bag in bags]
    chosen: list[int] = []
    for place in sorted(range(len(distinct)), key=lambda place: (-weights[place], distinct[place].at_ms)):
        if len(chosen) < count and all(_cosine(bags[place], bags[other]) < 0.8 for other in chosen):
            chosen.append(place)
    return [distinct[place] for place in chosen]


def risen(now: Iterable[Tweet], before: Iterable[Tweet], count: int) -> list[RisenWord]:
    """The words whose share of tweets rose most, by log-odds with a prior (Monroe, Colaresi and Quinn 2008)."""
    new, new_total = _tweets_with(now)
    old, old_total = _tweets_with(before)
    found: list[tuple[float, RisenWord]] = []
    for word, times in new.items():
        if times < LEAST_TWEETS_WITH_WORD:
            continue
        usual = (old[word] + 0.5) / (old_total + 10)
        share = (times + 0.5) / (new_total + 1)
        rise = log(share / usual) / sqrt(1 / (times + 0.5) + 1 / (old[word] + 0.5))
        if rise > 0:
            found.append((rise, RisenWord(word=word, count=times, usual=round(usual * new_total, 1))))
    return [word for _, word in sorted(found, key=lambda each: (-each[0], each[1].word))[:count]]


def words(text: str) -> frozenset[str]:
    """The words of a tweet that may say what it is about, without handles and links."""
    found = (word.group().casefold() for word in _WORD.finditer(normalise(text)))
    return frozenset(word for word in found if len(word) > 2 and word not in _STOP)


def _tweets_with(tweets: Iterable[Tweet]) -> tuple[Counter[str], int]:
    """In how many tweets each word is, and how many tweets there are."""
    bags = [words(tweet.text) for tweet in tweets]
    return Counter(word for bag in bags for word in bag), len(bags)


def _cosine(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / sqrt(len(one) * len(other)) if one and other else 0.0
