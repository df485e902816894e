"""Models to train, and a plain way to train them: for experiments, never needed by the measures."""

from nearid.models.ae import ae
from nearid.models.architecture import Architecture, mlp
from nearid.models.autoencoder import conv_autoencoder, encode, mlp_autoencoder
from nearid.models.bioae import bioae
from nearid.models.classifier import classifier, labelled
from nearid.models.gpt import tiny_gpt
from nearid.models.mae import vit_mae
from nearid.models.modulated import modulated
from nearid.models.projection import Projection, fit_projection
from nearid.models.qlae import qlae
from nearid.models.registry import MODELS, PROTOCOL, PUBLISHED
from nearid.models.runs import initialise, train_runs
from nearid.models.tcvae import beta_tcvae
from nearid.models.training import Run, train
from nearid.models.vae import beta_vae

__all__ = [
    "MODELS",
    "PROTOCOL",
    "PUBLISHED",
    "Architecture",
    "Projection",
    "Run",
    "ae",
    "beta_tcvae",
    "beta_vae",
    "bioae",
    "classifier",
    "conv_autoencoder",
    "encode",
    "fit_projection",
    "initialise",
    "labelled",
    "mlp",
    "mlp_autoencoder",
    "modulated",
    "qlae",
    "tiny_gpt",
    "train",
    "train_runs",
    "vit_mae",
]
