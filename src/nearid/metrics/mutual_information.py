"""Entropy of labels and what codes tell of them, by counting, bins or neighbours. In nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma

from nearid.errors import InputError
from nearid.metrics.arguments import check_arguments, labels

__all__ = [
    "binned_information",
    "discrete_information",
    "entropies",
    "jittered",
    "ross_information",
]

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

#: Noise of this relative size parts equal codes, as in scikit-learn's estimator.
JITTER = 1e-10


def entropies(factors: ArrayLike) -> Floats:
    r"""Return the plug-in entropy of each factor.

    .. math:: H(s) = -\sum_c p_c \log p_c

    Parameters
    ----------
    factors : array, shape (n, S)

    Returns
    -------
    ndarray, shape (S,)
        In nats; 0 for a constant factor.

    Raises
    ------
    InputError
        If a factor is continuous.

    Examples
    --------
    >>> entropies([[0, 7], [1, 7]]).round(3).tolist()
    [0.693, 0.0]
    """
    table = check_arguments(factors, factors).factors
    return np.array([_entropy(np.bincount(column)) for column in _all_labels(table)])


def discrete_information(factors: ArrayLike, codes: ArrayLike) -> Floats:
    r"""Return the plug-in mutual information of each factor with each code, both of them labels.

    .. math:: I(s; z) = \sum_{c, b} p_{cb} \log \frac{p_{cb}}{p_c p_b}

    Parameters
    ----------
    factors : array, shape (n, S)
    codes : array, shape (n, L)

    Returns
    -------
    ndarray, shape (S, L)
        In nats, 0 or more; biased upwards by about (K − 1)(B − 1)/2n for K and B labels.

    Raises
    ------
    InputError
        If lengths differ, a value is missing, or a factor or a code is continuous.

    Examples
    --------
    >>> discrete_information([[0], [0], [1], [1]], [[5, 3], [5, 4], [6, 3], [6, 4]]).round(3)
    array([[0.693, 0.   ]])
    """
    given = check_arguments(factors, codes)
    return _plug_in(_all_labels(given.factors), _all_labels(given.codes, name="code"))


def binned_information(factors: ArrayLike, codes: ArrayLike, *, n_bins: int = 20) -> Floats:
    """Return the mutual information of each factor with each code, cut into bins of equal width.

    Parameters
    ----------
    factors : array, shape (n, S)
    codes : array, shape (n, L)
    n_bins : int, default 20
        From the least to the greatest value of each code. So it depends on monotone maps of a
        code and on single outliers, but neither on its scale nor on its offset.

    Returns
    -------
    ndarray, shape (S, L)
        In nats; 0 for a constant code.

    Raises
    ------
    InputError
        If lengths differ, a value is missing, or a factor is continuous.

    References
    ----------
    Locatello et al. (2019), Challenging common assumptions in the unsupervised learning of
    disentangled representations, appendix C.

    Examples
    --------
    >>> binned_information([0, 0, 1, 1], [[0.1, 2], [0.1, 2], [0.9, 2], [0.8, 2]]).round(3)
    array([[0.693, 0.   ]])
    """
    if n_bins < 1:
        raise InputError(f"n_bins must be 1 or more; got {n_bins}")
    given = check_arguments(factors, codes)
    binned = [_bins(code, n_bins) for code in given.codes.T]
    return _plug_in(_all_labels(given.factors), binned)


def jittered(codes: Floats, rng: np.random.Generator | np.random.RandomState) -> Floats:
    """Return codes with noise that parts equal values and is far too small to matter otherwise.

    Parameters
    ----------
    codes : ndarray, shape (n, L)
    rng : Generator or RandomState

    Returns
    -------
    ndarray, shape (n, L)
        Plus a normal deviate of 1e-10 × max(1, mean |code|), column by column.

    Examples
    --------
    >>> len(np.unique(jittered(np.zeros((50, 1)), np.random.default_rng(0))))
    50
    """
    size = JITTER * np.maximum(1.0, np.abs(codes).mean(axis=0))
    return np.asarray(codes + size * rng.standard_normal(codes.shape), dtype=np.float64)


def ross_information(factors: ArrayLike, codes: ArrayLike, *, k: int = 3) -> Floats:
    r"""Return Ross's estimate of the information of each factor (labels) on each continuous code.

    .. math:: I = \max(0,\; \psi(N) + \langle\psi(k_c)\rangle - \langle\psi(N_c)\rangle
              - \langle\psi(m)\rangle)

    For a sample of class c with :math:`N_c` members, r is the distance to the
    :math:`k_c = \min(k, N_c - 1)`-th neighbour of its class, less one unit in the last place; m
    counts the samples of all classes within r, itself included. Classes of one are left out.

    In one dimension this needs no trees: each code is sorted once, the nearest of a class lie in
    windows of its sorted members, and m is the difference of two binary searches. All of it is
    exact: m is what comparing each :math:`|x_j - x_i|` to r would count.

    Parameters
    ----------
    factors : array, shape (n, S)
    codes : array, shape (n, L)
        Equal values should be parted first, by :func:`jittered`.
    k : int, default 3
        Neighbours.

    Returns
    -------
    ndarray, shape (S, L)
        In nats; 0 or more, and where a code determines the factor slightly above its entropy.

    Raises
    ------
    InputError
        If lengths differ, a value is missing, a factor is continuous or k is less than 1.

    References
    ----------
    Ross (2014), Mutual information between discrete and continuous data sets, PLoS ONE 9(2),
    equation 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(0, 2, size=(500, 1))
    >>> codes = np.hstack([labels, np.zeros((500, 1))]) + rng.normal(size=(500, 2)) / 9
    >>> ross_information(labels, codes, k=3).round(2)
    array([[0.69, 0.  ]])
    """
    if k < 1:
        raise InputError(f"k, the number of neighbours, must be 1 or more; got {k}")
    given = check_arguments(factors, codes)
    order = np.argsort(given.codes.T, axis=1, kind="stable")
    ordered = np.take_along_axis(given.codes.T, order, axis=1)
    psi = np.r_[0.0, digamma(np.arange(1, len(given.codes) + 1))]
    return np.array(
        [_ross(factor[order], ordered, k=k, psi=psi) for factor in _all_labels(given.factors)]
    )


def _ross(factor: Labels, ordered: Floats, *, k: int, psi: Floats) -> Floats:
    """Estimate for one factor, given for each code (a row) in the order of that code's values."""
    sizes = np.bincount(factor[0])
    lonely = sizes == 1
    if lonely.any():
        kept = ~lonely[factor]
        if not kept.any():
            return np.zeros(len(factor))
        factor = factor[kept].reshape(len(factor), -1)
        ordered = ordered[kept].reshape(len(ordered), -1)
        sizes[lonely] = 0
    by_class = np.argsort(factor.astype(np.min_scalar_type(len(sizes))), axis=1, kind="stable")
    members = np.take_along_axis(ordered, by_class, axis=1)
    radii = np.empty_like(ordered)
    ends = np.cumsum(sizes)
    for start, end in zip(ends - sizes, ends, strict=True):
        if end > start:
            found = _distance_to_neighbour(members[:, start:end], min(k, end - start - 1))
            np.put_along_axis(radii, by_class[:, start:end], found, axis=1)
    radii = np.nextafter(radii, 0.0)
    crowd = np.array([psi[_within(x, r)].mean() for x, r in zip(ordered, radii, strict=True)])
    weights = sizes / sizes.sum()
    known = weights @ (psi[np.clip(sizes - 1, 0, k)] - psi[sizes])
    information: Floats = np.maximum(0.0, psi[sizes.sum()] + known - crowd)
    return information


def _distance_to_neighbour(members: Floats, k: int) -> Floats:
    """Return the distance of each to its k-th nearest, in rows that ascend.

    A sample and its k nearest are k + 1 in a row: the best of the windows that contain it.
    """
    n = members.shape[1]
    nearest = np.full(members.shape, np.inf)
    for place in range(k + 1):
        here = slice(place, n - k + place)
        to_first = members[:, here] - members[:, : n - k]
        to_last = members[:, k:] - members[:, here]
        farthest = np.maximum(to_first, to_last, out=to_first)
        np.minimum(nearest[:, here], farthest, out=nearest[:, here])
    return nearest


def _within(values: Floats, radii: Floats) -> Labels:
    """Count for each of the ascending values those with ``abs(other - value) <= radius``."""
    first = np.searchsorted(values, values - radii, side="left")
    last = np.searchsorted(values, values + radii, side="right")
    # The sums above were rounded, and may put a sample on the wrong side of a border: look at the
    # differences themselves until no border moves.
    padded = np.r_[-np.inf, values, np.inf]
    while (step := (values - padded[first] <= radii)).any():
        first -= step
    while (step := (values - padded[first + 1] > radii)).any():
        first += step
    while (step := (padded[last + 1] - values <= radii)).any():
        last += step
    while (step := (padded[last] - values > radii)).any():
        last -= step
    counts: Labels = last - first
    return counts


def _all_labels(table: Floats, *, name: str = "factor") -> list[Labels]:
    return [labels(column, name=f"{name} {i}") for i, column in enumerate(table.T)]


def _bins(code: Floats, n_bins: int) -> Labels:
    """Return the bin of each value; the last is closed on both sides."""
    edges = np.histogram_bin_edges(code, n_bins)[:-1]
    return np.searchsorted(edges, code, side="right").astype(np.intp) - 1


def _plug_in(factors: list[Labels], codes: list[Labels]) -> Floats:
    found = [[_counted_information(factor, code) for code in codes] for factor in factors]
    return np.array(found)


def _counted_information(first: Labels, second: Labels) -> float:
    width = int(second.max()) + 1
    joint = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width)
    table = joint.reshape(-1, width)
    apart = _entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0))
    return max(0.0, apart - _entropy(joint))


def _entropy(counts: NDArray[np.intp]) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum()) + 0.0
