"""What may be shown of a tweet: nothing that points at people, nothing that plays with the reader's screen."""

import re

_LINK = re.compile(r"\b(?:https?://|www\.|t\.co/)\S+", re.IGNORECASE)
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HANDLE = re.compile(r"(?<!\w)[@＠]\w+")
_UNSEEN = re.compile(r"[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """One line without control characters, and without the marks that turn the direction of writing around."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def masked(text: str) -> str:
    """One line of a tweet without what points at people: handles, mail addresses and links are replaced."""
    return anonymous(plain(text))


def anonymous(text: str) -> str:
    """The text with handles, mail addresses and links replaced, and otherwise as it is."""
    return _HANDLE.sub("@user", _MAIL_ADDRESS.sub("[mail]", _LINK.sub("[link]", text)))
