"""Data sets for experiments, read from files that are already there: nothing is downloaded."""

from collections.abc import Callable

from nearid.datasets.cars3d import load_cars3d
from nearid.datasets.cells import Screen, cells, nuclei, oracle, screen
from nearid.datasets.coil20 import load_coil20
from nearid.datasets.dsprites import load_dsprites
from nearid.datasets.factors import FactorDataset
from nearid.datasets.falcor3d import load_falcor3d
from nearid.datasets.independent import independent_sources
from nearid.datasets.isaac3d import load_isaac3d
from nearid.datasets.manifolds import leaky_stack, scaled_embedding, swiss_roll, torus
from nearid.datasets.mnist import Digits, load_mnist, read_idx
from nearid.datasets.mpi3d import load_mpi3d
from nearid.datasets.scenes3d import scenes3d
from nearid.datasets.shapes3d import load_shapes3d
from nearid.datasets.smallnorb import load_smallnorb
from nearid.datasets.sprites import sprites

__all__ = [
    "DATASETS",
    "Digits",
    "FactorDataset",
    "Screen",
    "cells",
    "independent_sources",
    "leaky_stack",
    "load_cars3d",
    "load_coil20",
    "load_dsprites",
    "load_falcor3d",
    "load_isaac3d",
    "load_mnist",
    "load_mpi3d",
    "load_shapes3d",
    "load_smallnorb",
    "nuclei",
    "oracle",
    "read_idx",
    "scaled_embedding",
    "scenes3d",
    "screen",
    "sprites",
    "swiss_roll",
    "torus",
]

#: How the images of each data set of known factors are opened.
DATASETS: dict[str, Callable[..., FactorDataset]] = {
    "cars3d": load_cars3d,
    "coil20": load_coil20,
    "dsprites": load_dsprites,
    "falcor3d": load_falcor3d,
    "isaac3d": load_isaac3d,
    "mpi3d": load_mpi3d,
    "shapes3d": load_shapes3d,
    "smallnorb": load_smallnorb,
}
