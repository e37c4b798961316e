"""Everything that can go wrong at the edge of a store.

Drivers' errors are translated once, where the driver is called, with ``raise ... from``::

    StorageError
    ├── SettingsError        a setting has a wrong value: names it, the value, and what is expected
    ├── StoreUnavailable     the store did not answer: trying again may help
    │   └── NotRecorded      the audit could not take an action: nothing was done
    ├── StoreRefused         the store answered no: trying again will not help
    │   ├── SchemaRefused    because it has no such table or column: it was not set up, or for another version
    │   ├── Conflict         because there is one like it already: names the constraint
    │   └── DataRefused      because of a value in it
    ├── AttemptLost          another attempt has taken the work over, or the work is gone: write nothing more
    ├── ObjectMissing        there is no object under that key
    ├── JobMissing           there is no job of that id
    ├── EncodeError          a value can not be written as typed JSON (tasks.engine.codec)
    ├── DecodeError          bytes are not typed JSON of ours
    ├── FilterError          a text is no filter of jobs: says what is wrong, where, and what may be meant
    └── Refused              a request that does not fit the state of things now
        ├── QueueFull        a queue has reached its limit: try again when it has drained
        ├── AlreadyThere     another live job holds the unique key
        └── NotArmed         only looking is allowed: writing was not armed, or no longer is
"""


class StorageError(Exception):
    """Root of this tree."""


class SettingsError(StorageError):
    """A setting has a wrong value; the message names the setting, the value and what is expected."""


class StoreUnavailable(StorageError):
    """The store did not answer, or not in time; trying again may help."""


class NotRecorded(StoreUnavailable):
    """The audit could not take an action, so nothing of it was done."""


class StoreRefused(StorageError):
    """The store answered that it will not do this; trying again will not help."""


class SchemaRefused(StoreRefused):
    """The store has no such table or column: it was not set up, or for another version of this program."""


class Conflict(StoreRefused):
    """What had to be unique exists already; `constraint` is the name of the rule that was broken."""

    def __init__(self, message: str, constraint: str = "") -> None:
        super().__init__(message)
        self.constraint = constraint


class DataRefused(StoreRefused):
    """The store can not keep a value that it was handed; without that one it could."""


class AttemptLost(StorageError):
    """Another attempt has taken the work over, or the work is gone: this attempt must write nothing more."""


class ObjectMissing(StorageError):
    """There is no object under that key."""


class JobMissing(StorageError):
    """There is no job of that id."""


class EncodeError(StorageError):
    """A value can not be written as typed JSON; the message has the path to it and the remedy."""


class DecodeError(StorageError):
    """Bytes are not typed JSON of ours; they are kept as they are."""


class FilterError(StorageError):
    """A text is no filter of jobs. What is wrong stands at `position`, `length` characters long (0: where something is
    missing); `suggestion` may stand there instead ("" when nothing comes to mind)."""

    def __init__(self, message: str, position: int = 0, length: int = 0, suggestion: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.length = length
        self.suggestion = suggestion


class Refused(StorageError):
    """The request does not fit the state of things now; the message says why and what would."""


class QueueFull(Refused):
    """A queue has reached its limit; `queue` and `limit` name them. Nothing of this request is in it."""

    def __init__(self, message: str, queue: str, limit: str) -> None:
        super().__init__(message)
        self.queue = queue
        self.limit = limit


class AlreadyThere(Refused):
    """Another live job holds the unique key; `holder` is its id."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class NotArmed(Refused):
    """Only looking is allowed: writing was not armed, or no longer is."""
