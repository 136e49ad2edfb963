"""What the driver raises, sorted: conflicts that are tried again, losses of the connection that are tried again for a
while, and what the caller must hear of.
"""

import asyncpg

from postern.core.store import AlreadyExists, StoreBusy, StoreError, StoreUnavailable

# Another transaction was in the way; nothing of ours was done.
CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# The connection is gone, cannot be had now, or leads to a server that is starting, stopping or no primary any more.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
# It is stopping, or there is no room, no file, no right to it.
REFUSED = (
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
# There is more to do than is done in time; the same may well succeed a little later.
BUSY = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.TooManyConnectionsError,
    asyncpg.UndefinedTableError,  # the store has moved: its tables have other names
    TimeoutError,
    *CONFLICTS,
)
ANY = (asyncpg.PostgresError, *LOST, TimeoutError)


def translated(error: Exception) -> Exception:
    """The store error that stands for a fault of the driver; what is our own mistake comes back as it is."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, asyncpg.UniqueViolationError):
        return AlreadyExists(str(error.table_name or "a unique value"))
    if isinstance(error, BUSY):
        return StoreBusy(f"the store is busy: {_reason(error)}")
    if isinstance(error, (*LOST, *REFUSED)):
        return StoreUnavailable(f"the store cannot be used: {_reason(error)}")
    return error


def came_of(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether it is of a kind, or what became of one on its way up: a rollback that failed as well, and the like."""
    while error is not None and not isinstance(error, kind):
        error = error.__context__
    return error is not None


def _reason(error: Exception) -> str:
    text = str(error).strip() or ("no connection in time" if isinstance(error, TimeoutError) else type(error).__name__)
    return " ".join(text.splitlines())
