"""Data sets for experiments, read from files that are already there: nothing is downloaded."""

from nearid.datasets.mnist import Digits, load_mnist, read_idx

__all__ = ["Digits", "load_mnist", "read_idx"]
