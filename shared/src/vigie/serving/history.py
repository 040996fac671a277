"""How the version that serves became the champion, as the registry's ledger tells it."""

from pydantic import ValidationError

from vigie.ledger import Entry, entries
from vigie.registry import NoSuchAlias, Registry, RegistryUnavailable, Version


class PromotionHistory:
    """Asks the registry once for each version."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: tuple[Version, Entry] | None = None

    def of(self, version: Version) -> Entry | None:
        """The last move to that version; null when there is none or the registry does not say. Blocks."""
        if self._known and self._known[0] == version:
            return self._known[1]
        try:
            moves = [entry for entry in entries(self._registry.tags(version.model)) if entry.to == version.number]
        except (NoSuchAlias, RegistryUnavailable, ValidationError):
            return None
        if not moves:
            return None
        self._known = version, moves[-1]
        return moves[-1]
