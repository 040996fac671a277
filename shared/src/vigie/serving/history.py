"""How the version that serves became the champion, as the registry's ledger tells it."""

from datetime import datetime

from pydantic import ValidationError

from vigie.ledger import Entry, entries
from vigie.registry import NoSuchAlias, Registry, RegistryUnavailable, Version
from vigie.serving.models import ServedModel


class PromotionHistory:
    """Asks the registry once each time that a version takes over: it may come back, by another move."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: tuple[Version, datetime, Entry] | None = None

    def of(self, model: ServedModel) -> Entry | None:
        """The last move to its version; null when there is none or the registry does not say. Blocks."""
        version, since = model.version, model.loaded_at
        if self._known and self._known[:2] == (version, since):
            return self._known[2]
        try:
            moves = [entry for entry in entries(self._registry.tags(version.model)) if entry.to == version.number]
        except (NoSuchAlias, RegistryUnavailable, ValidationError):
            return None
        if not moves:
            return None
        self._known = version, since, moves[-1]
        return moves[-1]
