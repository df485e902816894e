"""Whether components are of biology or of the plate, where they were fitted and on new plates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.datasets.cell_images import BIOLOGICAL, TECHNICAL
from nearid.deconfounding.correctors import METHODS
from nearid.deconfounding.folds import Fold, Split, split_batches
from nearid.experiments.microscopy import Protocol
from nearid.rows import one_blas_thread

__all__ = ["purity", "purity_scores"]

Array = NDArray[np.float64]


def purity(biology: Array, technical: Array) -> float:
    r"""Return how far components are of one kind of factors.

    .. math:: \frac{\sum_j \max(b_j, t_j)}{\sum_j (b_j + t_j)}

    Parameters
    ----------
    biology, technical : ndarray, shape (k,)
        b and t, the shares of each component's variance that either kind of factors explains.

    Returns
    -------
    float
        From 1/2, each component is of both kinds, to 1, each is of one; nan if nothing is
        explained.

    Examples
    --------
    >>> purity(np.array([0.8, 0.0]), np.array([0.0, 0.4]))
    1.0
    """
    whole = float((biology + technical).sum())
    return float(np.maximum(biology, technical).sum()) / whole if whole > 0 else float("nan")


def purity_scores(
    features: NDArray[Any], table: pd.DataFrame, protocol: Protocol, *, seed: int
) -> pd.DataFrame:
    """Explain components by true factors, on the plates of the fit and on those held out.

    Regressions on the eight biological and on the ten technical factors are fitted where the
    version is, and used unchanged on the plates that were held out, a fifth of them in turn. With
    few plates the technical factors explain anything where they were fitted, for they take one
    value a plate.

    Parameters
    ----------
    features, table, protocol, seed
        As in :func:`nearid.experiments.microscopy.codes_of_plates`; whitened versions alone.

    Returns
    -------
    DataFrame
        A row per fold and version: ``seen`` and ``unseen``, the :func:`purity`, and
        ``explained``, the mean over components of what both kinds explain on unseen plates.
    """
    values = np.asarray(features, dtype=np.float64)
    plates = table["Metadata_Plate"].to_numpy(dtype=str)
    kinds = [table[list(names)].to_numpy(dtype=np.float64) for names in (BIOLOGICAL, TECHNICAL)]
    rows = []
    with one_blas_thread():
        for number, split in enumerate(split_batches(plates, "group-k-fold")):
            for method in (name for name in protocol.methods if name != "base"):
                train, test = METHODS[method].codes(_fold(values, plates, split, protocol, seed))
                shares = [_shares(kind, split, train, test) for kind in kinds]
                rows.append(
                    {
                        "fold": number,
                        "method": method,
                        "seen": purity(*(seen for seen, _ in shares)),
                        "unseen": purity(*(unseen for _, unseen in shares)),
                        "explained": float(np.mean(shares[0][1] + shares[1][1])),
                    }
                )
    return pd.DataFrame(rows)


def _fold(
    values: Array, plates: NDArray[np.str_], split: Split, protocol: Protocol, seed: int
) -> Fold:
    known, new = split.train, split.test
    return Fold(
        values[known],
        values[new],
        plates[known],
        plates[new],
        None,
        None,
        protocol.n_components,
        seed=1_000 * seed,
    )


def _shares(factors: Array, split: Split, train: Array, test: Array) -> tuple[Array, Array]:
    """Return the shares that factors explain of each component, where it was fitted and not."""
    design = np.column_stack([np.ones(len(factors)), factors])
    weights = np.linalg.lstsq(design[split.train], train, rcond=None)[0]
    found = []
    for rows, codes in ((split.train, train), (split.test, test)):
        left = ((codes - design[rows] @ weights) ** 2).mean(axis=0)
        found.append(np.maximum(0.0, 1 - left / codes.var(axis=0)))
    return found[0], found[1]
