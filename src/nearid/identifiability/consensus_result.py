"""What many runs agree on, as maps, as frames and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.identifiability.runs import RunSummary, align, collect_runs
from nearid.plain import plain, records
from nearid.rows import as_rows, map_chunks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Alignment", "Consensus", "View"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """How well one frame for all runs was found.

    Parameters
    ----------
    shared : float
        How much a run has in common with another on average, on the fitting rows: 0 nothing, 1
        for runs that are the same up to the group.
    rounds : int
        Rounds of Procrustes; 0 where the frame is solved for outright.
    converged : bool
    gap : float
        What the best frame there is could add to the criterion at most, as a share of it.
    """

    shared: float
    rounds: int
    converged: bool
    gap: float


@dataclass(frozen=True, eq=False)
class View:
    """How one run sees the components: a map from its rows, and how well it agrees.

    Parameters
    ----------
    name : str
    mean : ndarray, shape (D,)
    matrix : ndarray, shape (D, k)
        ``components = (z − mean) @ matrix``.
    correlation, low, high : ndarray, shape (k,)
        Held-out correlation with the mean of the other runs (of a new run: of all), and its 95 %
        interval.
    r2 : ndarray, shape (k,)
        Share of that mean's held-out variance that the view predicts.
    chance : float
        95 % quantile of the |correlations| of shuffled rows.
    """

    name: str
    mean: Array
    matrix: Array
    correlation: Array
    low: Array
    high: Array
    r2: Array
    chance: float

    def transform(self, rows: Any) -> NDArray[Any]:
        """Return the components of this run's rows, seen or not, shape (n, k).

        Parameters
        ----------
        rows : Rows, array, memory map, DataFrame, torch tensor or path, shape (n, D)
            Of float32 the components are float32.

        Raises
        ------
        InputError
            If the width differs, or values are missing.
        """
        table = as_rows(rows)
        if table.n_columns != len(self.mean):
            raise InputError(
                f"{table.name} has {table.n_columns} columns, but {self.name} was aligned with "
                f"{len(self.mean)}; give it the same columns in the same order"
            )
        dtype = table.dtype if table.dtype.kind == "f" else np.dtype(np.float64)

        def kernel(chunk: NDArray[Any]) -> NDArray[Any]:
            return np.asarray((chunk - self.mean) @ self.matrix, dtype=dtype)

        with np.errstate(invalid="ignore", over="ignore"):  # looked for below
            parts = list(map_chunks(kernel, table))
        found = np.concatenate(parts) if parts else np.empty((0, self.matrix.shape[1]), dtype)
        if not np.isfinite(found).all():
            raise InputError(
                f"{table.name} has NaN or infinite values, or values beyond the range of {dtype}; "
                f"drop those rows, or impute them"
            )
        return found


@dataclass(frozen=True, eq=False)
class Consensus:
    """What many runs agree on: one frame, the mean representation, its independent components.

    A component that every run reproduces is the same every time; that does not make it right.

    Attributes
    ----------
    group : {"rigid", "similarity", "linear"}
        The maps by which runs were brought into one frame.
    n_components : int
    n_reproduced : int
        Components that every run reproduces: the lower end of each interval of the correlation
        with the mean of the *other* runs is at least ``threshold``.
    components : DataFrame
        A row per component: mean correlation over runs, the worst run's with its interval, whether
        every run reproduces it, the share of the mean's variance that it carries, and what ICA
        knows of it: replication on disjoint halves of the rows, Gaussian or not, identifiable.
    agreement : DataFrame
        A row per run and component: correlation, interval, R², chance.
    alignment : Alignment
    views : mapping of str to View
        Of each run, by name.
    runs : tuple of RunSummary
    warnings : list of str
    settings : mapping

    References
    ----------
    Gower, Psychometrika 40, 1975; Kettenring, Biometrika 58, 1971; Nelson, Fumero, Karaletsos &
    Locatello, ICLR 2026, arXiv 2603.11970, Theorem 2 (why ICA leaves only order and signs).
    """

    group: str
    n_components: int
    n_reproduced: int
    components: pd.DataFrame
    agreement: pd.DataFrame
    alignment: Alignment
    views: Mapping[str, View]
    runs: tuple[RunSummary, ...]
    warnings: list[str]
    settings: Mapping[str, Any]
    _fitted: Any = field(repr=False)

    def transform(self, run: str | int, rows: Any) -> NDArray[Any]:
        """Return the components of rows as one run sees them, shape (n, k).

        Parameters
        ----------
        run : str or int
            Name or position of a run that the consensus was made of.
        rows : Rows, array, memory map, DataFrame, torch tensor or path, shape (n, D)
            Embeddings by that run, of any inputs.
        """
        return self._view(run).transform(rows)

    def transform_mean(self, runs: Mapping[str, Any] | Iterable[Any]) -> NDArray[Any]:
        """Return the components of the mean of all runs, shape (n, k).

        Parameters
        ----------
        runs : mapping of name to table, or iterable of tables
            Embeddings of the same inputs by every run: by the names that the runs have in the
            consensus, or else in its order.

        Raises
        ------
        InputError
            If a run is missing or foreign, or the inputs are not the same.
        """
        if isinstance(runs, Mapping) and {*map(str, runs)} == {*self.views}:
            named = {str(name): table for name, table in runs.items()}
            runs = {name: named[name] for name in self.views}
        rows, _ = align(collect_runs(runs))
        if len(rows) != len(self.views):
            raise InputError(
                f"expected the rows of {len(self.views)} runs ({', '.join(self.views)}), "
                f"got {len(rows)}"
            )
        parts = [view.transform(run) for view, run in zip(self.views.values(), rows, strict=True)]
        return np.asarray(sum(parts[1:], parts[0]) / len(parts))

    def fit_run(self, rows: Any, *, name: str | None = None) -> View:
        """Align a further run with the consensus, which stays as it is.

        The map is fitted on the consensus's fitting rows and measured on its held-out ones, so the
        new run must describe the same inputs as the others; the view then takes any rows of it.

        Parameters
        ----------
        rows : Rows, array, memory map, DataFrame, torch tensor or path, shape (n, D)
            Matched by ids where the consensus's first run and this one have them, else by position.
        name : str, optional

        Raises
        ------
        InputError
            If the inputs are not the same, or values are missing.
        """
        from nearid.identifiability.consensus_join import align_run

        return align_run(self, as_rows(rows, name=name))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per run and component.

        Columns: ``run, component, correlation, ci_low, ci_high, r2, chance, reproduced``.
        """
        return self.agreement.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the maps as plain values, ready for JSON (nan becomes None)."""
        return {
            "group": self.group,
            "n_components": self.n_components,
            "n_reproduced": self.n_reproduced,
            "meaning": self.meaning,
            "alignment": plain(asdict(self.alignment)),
            "warnings": list(self.warnings),
            "runs": [asdict(run) for run in self.runs],
            "settings": {key: plain(value) for key, value in self.settings.items()},
            "components": records(self.components),
            "agreement": records(self.agreement),
        }

    @property
    def meaning(self) -> str:
        """The finding in plain words."""
        k, found = self.n_components, self.n_reproduced
        threshold = self.settings["threshold"]
        least = f"a held-out correlation of at least {threshold:g} with the mean of the others"
        if not found:
            return f"none of {k} components is reproduced by every run, with {least}"
        return (
            f"{found} of {k} components are reproduced by every run, with {least}; that says that "
            f"they are the same every time, not that they are right"
        )

    def summary(self) -> str:
        """Return the finding, the components, the runs and the warnings as text for a terminal."""
        lines = [f"consensus of {len(self.views)} runs up to {self.group} maps: {self.meaning}", ""]
        lines += [f"{'component':>9} {'mean':>6} {'worst':>6} {'95 % interval':>16} {'worst run'}"]
        lines += [
            f"{row['component']:>9} {row['correlation']:6.3f} {row['worst']:6.3f} "
            f"[{row['ci_low']:6.3f}, {row['ci_high']:6.3f}] {row['worst_run']}"
            for row in self.components.to_dict("records")
        ]
        lines += ["", f"{'run':20} {'mean correlation':>16} {'chance':>7} {'reproduces':>11}"]
        for name, part in self.agreement.groupby("run", sort=False):
            lines.append(
                f"{name!s:20} {part['correlation'].mean():16.3f} {part['chance'].iloc[0]:7.3f} "
                f"{int(part['reproduced'].sum()):5d} of {len(part)}"
            )
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])

    def _view(self, run: str | int) -> View:
        names: Sequence[str] = list(self.views)
        if isinstance(run, str) and run in self.views:
            return self.views[run]
        whole = isinstance(run, int | np.integer) and not isinstance(run, bool)
        if whole and 0 <= int(run) < len(names):
            return self.views[names[int(run)]]
        raise InputError(
            f"expected a run of the consensus, one of {', '.join(names)}, or its position from 0; "
            f"got {run!r}"
        )
