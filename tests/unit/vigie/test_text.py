"""The normaliser: what it removes, what it leaves, and that doing it twice changes nothing."""

from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.text import normalise

PIECES = [
    "&amp;",
    "&",
    "amp;",
    "&lt;3",
    "&#64;",
    "&#x200b;",
    "@",
    "@bob",
    "http",
    "https://t.co/a",
    "://",
    "www.",
    "x.co/",
]
PIECES += [
    "\ufffd",
    "\u2019",
    "`",
    "\u200d",
    "\ufe0f",
    "\u0301",
    "e",
    "\uff06",
    "\uff20",
    "\ud800",
    "\x00",
    "\x85",
    " ",
    "\n",
    "\U0001f44d\U0001f3fd",
]
PIECES += [
    "\u1e9b\u0323",
    "\u212b",
    "\U0001d4d7",
    "\u3000",
    ";",
    "#",
    "\ufdfa",
    "\u00b4",
    "\u0344",
    "\u2126",
    "@7\u0301",
    "\uff40",
    "\u1fef",
    "\u0149",
    "\u2033",
    "\u064f",
    "\u030c",
]
TANGLED = st.lists(st.sampled_from(PIECES) | st.text(st.characters(codec=None), max_size=3), max_size=12).map("".join)


@given(TANGLED)
def test_doing_it_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(TANGLED)
def test_the_result_can_be_encoded_and_holds_only_single_spaces(text: str) -> None:
    result = normalise(text)
    result.encode()
    assert result == " ".join(result.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I &lt;3 this &amp;amp; that &amp;quot;thing&amp;quot;", 'I <3 this & that "thing"'),
        ("it\ufffds not anounced", "it's not anounced"),
        ("only \ufffd5 \ufffd cheap", "only 5 cheap"),
        ("don\u2019t you`ll can\u00b4t", "don't you'll can't"),
        ("@AirParadis thanks, see https://t.co/abc123 and www.example.org/x?y=1.", "@user thanks, see http and http"),
        ("don\uff40t, don\u2033t, \u0149 can\u1feft", "don't, don''t, 'n can't"),
        ("@bob\u064f\u0301 late", "@user late"),
        ("look: bit.ly/abc", "look: http"),
        ("herehttp://x.co/a HTTPS://X.CO", "here http http"),
        ("win/win at 5.30/6.00, and/or 24/7", "win/win at 5.30/6.00, and/or 24/7"),
        ("a\x00b\tc\r\n\n d\u00a0e\u2028f", "a b c d e f"),
        ("\u2764\ufe0f \U0001f44d\U0001f3fd", "\u2764 \U0001f44d"),
        ("\U0001d4f0\U0001d4fb\U0001d4ee\U0001d4ea\U0001d4fd \uff27\uff32\uff25\uff21\uff34", "great GREAT"),
        ("cafe\u0301", "caf\u00e9"),
        ("SHOUTING stays, soooo does this", "SHOUTING stays, soooo does this"),
        ("\ud83d alone", "alone"),
        (" \u200b\n ", ""),
    ],
)
def test_noise_goes_and_words_stay(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "piece",
    ["&amp;", "&amp", "amp;", "a-", "a.", "a/", "&zz", "www.", "@", "\ufffd", "a\u0301", "\u030c", "@r\u064f\u030c"],
)
def test_a_hostile_text_costs_little(piece: str) -> None:
    text = "&" + piece * (2000 // len(piece)) + "/"
    started = thread_time()
    normalise(text)
    assert thread_time() - started < 0.5
