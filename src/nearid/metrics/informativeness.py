"""InfoE: how much of the factors a logistic regression reads off all codes together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from nearid.metrics.arguments import labels, standardised
from nearid.metrics.fitting import quiet
from nearid.metrics.softmax import balanced_scores

__all__ = ["design", "held_out_share", "in_sample_share"]

Array = NDArray[np.float64]
Labels = NDArray[np.intp]

#: The converged fit minimises mean cross-entropy + PENALTY / 2 × the squared weights.
PENALTY = 1e-4
FOLDS = 2


def design(codes: Array, *, discrete: bool) -> Array:
    """Return what the regression sees: standardised codes, or one indicator per level of a code.

    Parameters
    ----------
    codes : ndarray, shape (n, L)
    discrete : bool
        Whether codes are labels.

    Returns
    -------
    ndarray, shape (n, L) or (n, number of levels)

    Examples
    --------
    >>> design(np.array([[1.0], [3.0]]), discrete=True).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if not discrete:
        return standardised(codes)[0]
    levels = [labels(code, name=f"code {j}") for j, code in enumerate(codes.T)]
    return np.hstack([np.eye(int(level.max()) + 1)[level] for level in levels])


def in_sample_share(x: Array, target: Labels) -> float:
    r"""Return the share of the null cross-entropy that the regression removes, as published.

    .. math:: 1 - \mathrm{CE} / \log K

    No penalty, classes weighted to be equally heavy in the fit, 100 iterations of L-BFGS; the
    cross-entropy is a plain mean over the rows of the fit. Where classes are separable it has no
    minimum, and depends on where the optimiser stopped.

    Parameters
    ----------
    x : ndarray, shape (n, p)
    target : ndarray, shape (n,)
        Labels 0 … K − 1, each of them taken.

    Returns
    -------
    float
        At most 1.
    """
    if target.max() > 1:
        scores = balanced_scores(x, target, max_iter=100, tol=1e-4)
    else:
        model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100, tol=1e-4)
        with quiet():
            model.fit(x, target)
        scores = model.decision_function(x)
    losses = _losses(scores, target)
    return float(1 - losses.mean() / np.log(target.max() + 1))


def held_out_share(x: Array, target: Labels, rng: np.random.Generator) -> float:
    r"""Return the share of the null cross-entropy removed on rows that were not fitted.

    Two folds, each class cut in half; the penalty :math:`10^{-4} \lVert W \rVert^2 / 2` beside the
    mean cross-entropy; Newton's method, to the optimum. Every class weighs the same in the fit and
    in the cross-entropy, so that knowing nothing scores 0, up to what overfitting takes away.
    Values that occur once cannot be fitted and scored; they are left out.

    Parameters
    ----------
    x : ndarray, shape (n, p)
    target : ndarray, shape (n,)
        Labels 0 … K − 1.
    rng : Generator
        Draws the folds.

    Returns
    -------
    float
        At most 1; negative where the fit misleads. nan with fewer than two values to score.
    """
    kept = np.bincount(target)[target] > 1
    x, target = x[kept], np.unique(target[kept], return_inverse=True)[1]
    if len(target) == 0 or target.max() == 0:
        return float("nan")
    fold = _stratified(target, rng)
    losses = np.empty(len(target))
    for part in range(FOLDS):
        train, test = fold != part, fold == part
        model = LogisticRegression(
            C=1 / (PENALTY * train.sum()),
            class_weight="balanced",
            solver="newton-cholesky",
            tol=1e-6,
            max_iter=1000,
        )
        with quiet():  # at the optimum no step goes lower, of which its line search warns
            model.fit(x[train], target[train])
        losses[test] = _losses(model.decision_function(x[test]), target[test])
    by_class = np.bincount(target, weights=losses) / np.bincount(target)
    return float(1 - by_class.mean() / np.log(len(by_class)))


def _stratified(target: Labels, rng: np.random.Generator) -> Labels:
    """Deal the rows of each class, shuffled, to the folds in turn."""
    shuffled = rng.permutation(len(target))
    order = shuffled[np.argsort(target[shuffled], kind="stable")]
    sizes = np.bincount(target)
    rank = np.arange(len(target)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    fold = np.empty(len(target), dtype=np.intp)
    fold[order] = rank % FOLDS
    return fold


def _losses(scores: Array, target: Labels) -> Array:
    """Return −log p of the label of each row, from logits, where no probability rounds to 0."""
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    top = scores.max(axis=1)
    total = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
    return np.asarray(total - scores[np.arange(len(target)), target])
