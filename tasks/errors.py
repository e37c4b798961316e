"""Everything that can go wrong in a job's own work, and whether trying again may help.

The engine looks at two of these types only: `Permanent` buries the job at once, `Transient` retries it and
waits at least as long as the other side asked for. Any other exception is retried as the task's retry
policy says::

    TasksError
    ├── Permanent                    bury now: no later attempt can end otherwise
    │   ├── UnreadableDocument       the document can not be opened, or is broken
    │   │   ├── EncryptedDocument    the document needs a password
    │   │   ├── UnsupportedType      the document is of a type that no reader exists for
    │   │   ├── DocumentTooLarge     the document is larger than a limit, in bytes or in work
    │   │   └── NoText               the document holds nothing that can be searched
    │   ├── MailRefused              the mail can not be built, or the server said no for good
    │   └── ModelRefused             the model does not exist, or will not do this
    └── Transient                    try again, not before `retry_after_s` seconds have passed
        ├── ServiceFailed            a service of ours was cut short by its surroundings
        ├── MailDeferred             the mail server did not answer, or said "later"
        └── ModelUnavailable         the model did not answer, or said "later"
"""


class TasksError(Exception):
    """Root of this tree; the message is a sentence for the operator and for the owner of the document."""


class Permanent(TasksError):
    """No later attempt can end otherwise: the job is buried at once."""


class Transient(TasksError):
    """A later attempt may succeed; `retry_after_s` is how long the other side asked to be left alone."""

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = max(0.0, float(retry_after_s))


class UnreadableDocument(Permanent):
    """The document can not be opened, or is broken."""


class EncryptedDocument(UnreadableDocument):
    """The document needs a password that nobody gave."""


class UnsupportedType(UnreadableDocument):
    """The document is of a type that no reader exists for."""


class DocumentTooLarge(UnreadableDocument):
    """The document is larger than a limit, in bytes, pages, pixels or work."""


class NoText(UnreadableDocument):
    """The document was read to its end and holds nothing that can be searched."""


class MailRefused(Permanent):
    """The mail can not be built as asked, or the mail server refused it for good."""


class ModelRefused(Permanent):
    """The model does not exist, the key is not accepted, or the model will not do what was asked."""


class ServiceFailed(Transient):
    """A process that worked for us was ended by its surroundings, not by what it worked on."""


class MailDeferred(Transient):
    """The mail server did not answer, or asked to be tried again later."""


class ModelUnavailable(Transient):
    """The model did not answer, answered rubbish, or asked to be tried again later."""
