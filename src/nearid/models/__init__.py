"""Models to train, and a plain way to train them: for experiments, never needed by the measures."""

from nearid.models.autoencoder import conv_autoencoder, encode, mlp_autoencoder
from nearid.models.runs import initialise, train_runs
from nearid.models.training import Run, train

__all__ = [
    "Run",
    "conv_autoencoder",
    "encode",
    "initialise",
    "mlp_autoencoder",
    "train",
    "train_runs",
]
