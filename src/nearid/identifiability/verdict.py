"""From evidence to a verdict: ICA efficiency, and the smallest group within the tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.evidence import FrameEvidence
from nearid.identifiability.percentiles import percentile_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NOTHING_TO_FIND",
    "NOTHING_TO_REMOVE",
    "efficiencies_frame",
    "efficiency_interval",
    "smallest_group",
    "undefined_pairs",
]

Array = NDArray[np.float64]

#: Below this share of chance there is nothing for a rotation to remove, and no efficiency.
REMOVABLE = 0.01
#: Above this share of chance nothing was brought together.
AT_CHANCE = 0.9
#: Why there is no ICA efficiency: no better map, or no map at all.
NOTHING_TO_REMOVE = (
    "the PCA axes already agree as well as the rigid map, so there is nothing to remove"
)
NOTHING_TO_FIND = "no rotation brings the runs together, so there is nothing that ICA could find"


def efficiencies_frame(found: FrameEvidence | None, names: Sequence[str]) -> pd.DataFrame:
    """Return the ICA efficiency of every ordered pair, ``(ε_perm − ε_ICA) / (ε_perm − ε_rigid)``.

    Where ``ε_perm − ε_rigid`` is not above a hundredth of the null's ε with its whole interval,
    permutation is already as good as rigid, as far as these rows can tell, and the efficiency is
    undefined (nan).  Without evidence the frame is empty.

    Returns
    -------
    DataFrame
        Columns ``target, source, permutation, ica, rigid, efficiency, ci_low, ci_high``.
    """
    import pandas as pd

    columns = ["target", "source", "permutation", "ica", "rigid"]
    columns += ["efficiency", "ci_low", "ci_high"]
    if found is None:
        return pd.DataFrame(columns=columns)
    p, i, r = (found.rungs.index(name) for name in ("signed_permutation", "ica", "rigid"))
    rows = []
    for pair in found.pairs:
        error = pair.errors[:, 0]
        draws = _efficiency(pair.resampled[:, p], pair.resampled[:, i], pair.resampled[:, r])
        removable = np.quantile(pair.resampled[:, p] - pair.resampled[:, r], 0.025)
        value = _efficiency(error[p], error[i], error[r])
        defined = removable > REMOVABLE * pair.null[p]
        low, high = np.nan, np.nan
        if defined:
            low, high = percentile_interval(draws, value, n_units=pair.n_units)
        rows.append(
            {
                "target": names[pair.target],
                "source": names[pair.source],
                "permutation": error[p],
                "ica": error[i],
                "rigid": error[r],
                "efficiency": float(value) if defined else np.nan,
                "ci_low": low,
                "ci_high": high,
            }
        )
    return pd.DataFrame(rows, columns=columns)


def _efficiency(permutation: Array, ica: Array, rigid: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((permutation - ica) / (permutation - rigid))


def undefined_pairs(efficiencies: pd.DataFrame, pairs: pd.DataFrame) -> tuple[int, int]:
    """Count the ordered pairs without an ICA efficiency, by the reason.

    Returns
    -------
    agreeing : int
        The PCA axes already agree as well as the rigid map.
    at_chance : int
        Not even the rigid map brings the two runs together.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> pair = {"target": ["a", "b"], "source": ["b", "a"]}
    >>> efficiencies = pd.DataFrame(pair | {"efficiency": np.nan})
    >>> rigid = {"frame": "whitened", "group": "rigid", "relative": [1.0, 0.2]}
    >>> undefined_pairs(efficiencies, pd.DataFrame(pair | rigid))
    (1, 1)
    """
    rigid = pairs[(pairs["frame"] == "whitened") & (pairs["group"] == "rigid")]
    apart = rigid[rigid["relative"] > AT_CHANCE]
    unrelated = set(zip(apart["target"], apart["source"], strict=True))
    undefined = efficiencies[efficiencies["efficiency"].isna()]
    ends = list(zip(undefined["target"], undefined["source"], strict=True))
    at_chance = sum(pair in unrelated for pair in ends)
    return len(ends) - at_chance, at_chance


def efficiency_interval(
    found: FrameEvidence | None, defined: NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the 95 % interval of the mean efficiency over the pairs where it is defined.

    Parameters
    ----------
    found : FrameEvidence or None
        The whitened frame, None where nothing was rotated.
    defined : ndarray of bool, shape (n_pairs,)
    """
    if found is None or not defined.any():
        return np.nan, np.nan
    p, i, r = (found.rungs.index(name) for name in ("signed_permutation", "ica", "rigid"))
    draws = found.stack("resampled")[defined]
    errors = found.stack("errors")[defined][:, :, 0]
    return found.interval(
        _efficiency(errors[:, p], errors[:, i], errors[:, r]),
        _efficiency(draws[:, :, p], draws[:, :, i], draws[:, :, r]),
        positive=False,
        of=defined,
    )


def smallest_group(
    overall: pd.DataFrame,
    frame: str,
    *,
    tolerance: float,
    epsilon: float | None,
    arbitrary: bool = False,
) -> str | None:
    """Return the first rung of a frame at which *every* pair is within the tolerance.

    Definition 1 asks for a map between any two trainings, so the worst pair decides: the upper end
    of its interval, relative to chance, must not exceed ``tolerance`` (or, with ``epsilon``, that
    upper end in units of the diameter).  Random rotations are a control, never a verdict; nor is
    ICA where its components are ``arbitrary``, two or more of a run being Gaussian: every ICA of
    the same rows may then find the same chance structure, which is agreement on these rows alone.

    Examples
    --------
    >>> import pandas as pd
    >>> overall = pd.DataFrame({"frame": "native", "group": ["identity", "rigid"],
    ...     "worst_relative_upper": [0.5, 0.02], "worst_upper": [0.2, 0.01]})
    >>> smallest_group(overall, "native", tolerance=0.1, epsilon=None)
    'rigid'
    """
    never = ("random", "ica") if arbitrary else ("random",)
    rows = overall[(overall["frame"] == frame) & ~overall["group"].isin(never)]
    if epsilon is None:
        within = rows["worst_relative_upper"] <= tolerance
    else:
        within = rows["worst_upper"] <= epsilon
    passed = rows.loc[within, "group"]
    return str(passed.iloc[0]) if len(passed) else None
