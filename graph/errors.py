"""The one family of errors that Andon raises on purpose.

    AndonError
    ├── InvalidInput      the caller's bytes, arguments or settings can never be read; names field and reason
    │   └── TooLarge      ... because of their size
    ├── NotFound          what was named does not exist (as of the instant asked for)
    ├── Conflict          it cannot be done in the present state
    ├── NotAllowed        the caller may not do it
    │   └── NotAuthenticated   ... because nobody knows who the caller is
    ├── TookTooLong       a question has used up its time
    └── Unavailable       try again after `retry_after` seconds; nothing was accepted
        └── JournalBroken the disk did not keep its word: the process must be restarted

How each becomes an HTTP status or a GraphQL code is one table in `api/problems.py`.
"""


class AndonError(Exception):
    """Root of the family; `str(error)` is a whole sentence for the caller, free of secrets."""


class InvalidInput(AndonError, ValueError):
    """Input that can never be accepted: `field` is a path like `run.runId` ("" for the whole body)."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class TooLarge(InvalidInput):
    """Input over a declared bound."""


class NotFound(AndonError, LookupError):
    """What was named does not exist."""


class Conflict(AndonError):
    """The request contradicts the present state."""


class NotAllowed(AndonError):
    """The caller is known and may not do this."""


class NotAuthenticated(NotAllowed):
    """No caller, or an unknown one."""


class TookTooLong(AndonError):
    """A question was ended because its time was over; asking for less may help."""


class Unavailable(AndonError):
    """A passing condition; the caller should repeat the same request after `retry_after` seconds."""

    def __init__(self, reason: str, *, retry_after: int = 1) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class JournalBroken(Unavailable):
    """The journal could not be made durable; nothing more is accepted until a restart re-reads the disk."""
