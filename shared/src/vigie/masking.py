"""What may be shown of a tweet: nothing that points at people, nothing that plays with the reader's screen."""

import re

# Each takes time in proportion to the text, whatever it is: where one begins is fixed by what is before it.
_GLUED_LINK = re.compile(r"(?:https?://|pic\.twitter\.com/)\S+", re.IGNORECASE)  # Twitter leaves no space before it
_LINK = re.compile(
    r"\b(?i:www\.|t\.co/)\S+"
    r"|(?<![\w.@＠-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}\.(?:[a-z]{2,24}|[A-Z]{2,24})/\w\S*"  # bit.ly/3xYz
)
_MAIL_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+")
_HANDLE = re.compile(r"(?<!\w)[@＠]\w+|[@＠](?=\d{0,15}[^\W\d])\w+")  # also RT@name, but not 2@5
_UNSEEN = re.compile(r"[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """One line without control characters, and without the marks that turn the direction of writing around."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def masked(text: str) -> str:
    """One line of a tweet without what points at people: handles, mail addresses and links are replaced."""
    return anonymous(plain(text))


def anonymous(text: str) -> str:
    """The text with handles, mail addresses and links replaced, and otherwise as it is."""
    without_links = _LINK.sub("[link]", _GLUED_LINK.sub("[link]", text))
    return _HANDLE.sub("@user", _MAIL_ADDRESS.sub("[mail]", without_links))
