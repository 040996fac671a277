"""The picture of a surge: tweets over the last hours, negative ones in red."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from vigie.alerts import SurgeFacts, SurgePoint
from vigie.durations import HOUR_MS

WIDTH, HEIGHT = 1160, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 20, 46
_INK, _GRID, _OTHER, _NEGATIVE, _SURGE = "#52606d", "#e4e7eb", "#cbd2d9", "#b42318", "#fdf0ee"


def draw(facts: SurgeFacts) -> bytes:
    """A PNG of 1160 by 400 pixels, to be shown at half that size; the same facts give the same bytes."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    highest = max([4, *(point.total for point in facts.points)])
    _shade(pen, facts)
    _grid(pen, font, highest)
    _bars(pen, facts.points, highest)
    _hours(pen, font, facts)
    out = BytesIO()
    image.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _bars(pen: ImageDraw.ImageDraw, points: Sequence[SurgePoint], highest: int) -> None:
    step = _inner_width() / max(len(points), 1)
    for place, point in enumerate(points):
        left, right = _LEFT + place * step + 1, _LEFT + (place + 1) * step - 2
        for count, colour in ((point.total, _OTHER), (point.negative, _NEGATIVE)):
            if count:
                pen.rectangle((left, _y(count, highest), right, HEIGHT - _BOTTOM), fill=colour)


def _shade(pen: ImageDraw.ImageDraw, facts: SurgeFacts) -> None:
    left = max(_x(facts, facts.first_ms), _LEFT)
    pen.rectangle((left, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM), fill=_SURGE)


def _grid(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, highest: int) -> None:
    step = next(size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**6) if highest / size <= 5)
    for value in range(0, highest + 1, step):
        pen.line((_LEFT, _y(value, highest), WIDTH - _RIGHT, _y(value, highest)), fill=_GRID, width=2)
        pen.text((_LEFT - 12, _y(value, highest)), str(value), fill=_INK, font=font, anchor="rm")


def _hours(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, facts: SurgeFacts) -> None:
    if not facts.points:
        return
    start = facts.points[0].at_ms
    for at_ms in range((start // HOUR_MS + 1) * HOUR_MS, facts.at_ms, HOUR_MS):
        name = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M")
        pen.line((_x(facts, at_ms), HEIGHT - _BOTTOM, _x(facts, at_ms), HEIGHT - _BOTTOM + 8), fill=_INK, width=2)
        pen.text((_x(facts, at_ms), HEIGHT - _BOTTOM + 12), name, fill=_INK, font=font, anchor="ma")


def _inner_width() -> int:
    return WIDTH - _LEFT - _RIGHT


def _x(facts: SurgeFacts, at_ms: int) -> float:
    if not facts.points:
        return _LEFT
    return _LEFT + (at_ms - facts.points[0].at_ms) / (len(facts.points) * facts.step_ms) * _inner_width()


def _y(count: int, highest: int) -> float:
    return HEIGHT - _BOTTOM - count / highest * (HEIGHT - _TOP - _BOTTOM)
