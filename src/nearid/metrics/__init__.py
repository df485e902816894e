"""Structural metrics: is a representation right, given factors? One file per metric."""

from nearid.metrics.score import Score

__all__ = ["Score"]
