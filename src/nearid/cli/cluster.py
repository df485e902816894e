"""``--scheduler``: the passes over the rows on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nearid.errors import InputError
from nearid.optional import require

if TYPE_CHECKING:
    from nearid.rows import Rows

__all__ = ["on_cluster"]

#: Seconds after which a scheduler that does not answer counts as absent.
PATIENCE = 10


@contextmanager
def on_cluster(address: str | None, runs: Sequence[Rows]) -> Iterator[list[Rows]]:
    """Yield the runs as they are, or, with an address, in partitions that its workers read.

    Parameters
    ----------
    address : str or None
        Of a Dask scheduler.
    runs : sequence of Rows

    Raises
    ------
    InputError
        If no scheduler answers there.
    MissingExtraError
        If Dask is not installed.
    """
    if address is None:
        yield list(runs)
        return
    distributed = require("distributed", extra="dask")
    from nearid.sources.dask import spread

    try:
        client = distributed.Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} ({error}); start one with dask scheduler, and "
            f"workers with dask worker {address}"
        ) from None
    with client:
        yield [spread(run) for run in runs]
