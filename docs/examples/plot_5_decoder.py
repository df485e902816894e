"""
How near is a decoder to an isometry?
=====================================

Theorem 1: if the outputs of two trainings agree, and no decoder stretches or shrinks small
distances by more than 1 + L, the representations differ by little more than a rotation. Here the
constant of some decoders is known beforehand.
"""

import numpy as np
import torch
from matplotlib.figure import Figure

import nearid
from nearid.plots.decoder import constants_figure


def stack(slope, depth=3, seed=0):
    """Return orthogonal layers with LeakyReLU between them: singular values in [slope^depth, 1]."""
    torch_seed = torch.Generator().manual_seed(seed)
    layers = []
    for width in [6] + [24] * (depth - 1):
        linear = torch.nn.Linear(width, 24, bias=False, dtype=torch.float64)
        drawn = torch.randn(24, width, generator=torch_seed, dtype=torch.float64)
        linear.weight.data = torch.linalg.qr(drawn)[0]
        layers += [linear, torch.nn.LeakyReLU(slope)]
    return torch.nn.Sequential(*layers)


latents = np.random.default_rng(0).standard_normal((400, 6))

# %%
# The singular values of the Jacobian at each latent, and the constant max(σ_max, 1/σ_min) that
# follows from them. The median says what is typical; the theorem asks for the largest.

found = nearid.bilipschitz(stack(0.5), latents)
print(found.summary())
constants_figure(found)

# %%
# The smaller the slope, the more is shrunk. What is measured at 400 latents stays below the bound
# that follows from the weights alone, 1/slope³, and the wider the layers the further below.

slopes = np.linspace(0.2, 1, 9)
measured = [nearid.bilipschitz(stack(slope), latents) for slope in slopes]
figure = Figure(figsize=(6, 3.6), layout="constrained")
axes = figure.add_subplot()
axes.plot(slopes, slopes**-3, color="0.6", linestyle=":", label="bound from the weights")
axes.plot(slopes, [each.constant for each in measured], "o-", color="#b84a00", label="largest")
axes.plot(slopes, [each.median for each in measured], "o-", color="#0067a5", label="median")
axes.set(xlabel="slope of LeakyReLU", ylabel="1 + L", yscale="log")
axes.legend(frameon=False)
figure
