"""The one normaliser of training and serving: what carries no opinion goes, case and spelling stay for the model."""

import html
import re
import unicodedata

HANDLE = "@user"
LINK = "http"
ESCAPED_AT_MOST = 5

# Invisible or purely graphic: zero-width and bidirectional marks, emoji presentation, skin tones, lone surrogates.
_DROPPED = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff\U0001f3fb-\U0001f3ff]"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_LOST_APOSTROPHE = re.compile("(?<=[^\\W\\d_])\ufffd+(?=[^\\W\\d_])")
_APOSTROPHES = str.maketrans(dict.fromkeys("`\u2018\u2019\u201b\u2032\u02bc\u00b4\uff07", "'") | {"\ufffd": " "})
# Every repetition is bounded: a hostile text costs no more than a long one.
_LINKS = re.compile(r"(?:https?://|www\.|\b[a-z0-9-]{1,30}\.(?:[a-z0-9-]{1,30}\.)?[a-z]{2,8}/)\S*", re.IGNORECASE)
# With the accents in them: one left behind could join the last letter of `@user`. The last one is U+1E94A.
_ACCENTS = "".join(accent for accent in map(chr, range(0x300, 0x1E94B)) if unicodedata.combining(accent))
_HANDLES = re.compile(f"@\\w[\\w{_ACCENTS}]*")


def normalise(text: str) -> str:
    """The text as every model sees it; never raises, and `normalise(normalise(t)) == normalise(t)`.

    HTML entities are resolved, also when escaped twice, Unicode is brought to NFKC, quotes that stand for an
    apostrophe become one (also U+FFFD between letters), control, invisible and lone surrogate characters go, links
    become `http`, handles `@user`, runs of white space one space. The result may be empty.
    """
    text = text.replace("`", "'")
    if not text.isascii():
        text = _plain_unicode(text)
    if "&" in text:
        text = _without_entities(text)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    if "/" in text or "www." in text or "WWW." in text:
        text = _LINKS.sub(f" {LINK}", text)
    if "@" in text:
        text = _HANDLES.sub(HANDLE, text)
    return " ".join(text.split())


def _plain_unicode(text: str) -> str:
    """NFKC makes white space of some signs that stand for an apostrophe, and such signs of others."""
    text = _DROPPED.sub("", text)
    text = _LOST_APOSTROPHE.sub("'", text).translate(_APOSTROPHES)
    return unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)


def _without_entities(text: str) -> str:
    """NFKC can bring an ampersand back, so both steps are repeated; a text escaped more often loses its ampersands."""
    for _ in range(ESCAPED_AT_MOST):
        resolved = html.unescape(text)
        if resolved == text:
            return text
        text = resolved.replace("`", "'")
        if not text.isascii():
            text = _plain_unicode(text)
    return text.replace("&", " ")
