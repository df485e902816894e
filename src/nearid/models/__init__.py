"""Models to train, and a plain way to train them: for experiments, never needed by the measures."""

from nearid.models.autoencoder import conv_autoencoder, encode, mlp_autoencoder
from nearid.models.bioae import bioae
from nearid.models.qlae import qlae
from nearid.models.runs import initialise, train_runs
from nearid.models.tcvae import beta_tcvae
from nearid.models.training import Run, train
from nearid.models.vae import beta_vae

__all__ = [
    "Run",
    "beta_tcvae",
    "beta_vae",
    "bioae",
    "conv_autoencoder",
    "encode",
    "initialise",
    "mlp_autoencoder",
    "qlae",
    "train",
    "train_runs",
]
