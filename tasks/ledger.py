"""The ledger of this process's stores: history and the broker in one list, without secrets."""

from storage.broker.inspector import Inspector
from storage.history.ledger import Ledger
from storage.history.shown import Shown
from storage.redaction import Redactor
from tasks.engine.describing import Describer
from tasks.resources import Resources


def open_ledger(held: Resources, inspector: Inspector) -> Ledger:
    """Put history and the broker into one. Raises StoreUnavailable."""
    redactor = Redactor(held.settings.dewey_redact_keys, held.settings.dewey_redact_patterns)
    return Ledger(held.database, inspector, Shown(Describer(inspector, redactor), redactor.redact_value))
