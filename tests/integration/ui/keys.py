"""The keys of the system that the page is tested on."""

from hashlib import sha256

PAGE_KEY, ADMIN_KEY = {"X-API-Key": "key of the page"}, {"X-API-Key": "key of the operators"}


def entry(name: str, key: dict[str, str], scopes: str) -> str:
    """As `GATEWAY_API_KEYS` lists it."""
    return f"{name}:{sha256(key['X-API-Key'].encode()).hexdigest()}:{scopes}"
