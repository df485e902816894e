"""Why masked auto-encoders fall short of the published efficiency: other settings, one at a time.

    python benchmarks/model_pairs.py --data ../shared/data --cache trainings

Each line is the ICA efficiency of the tokens of the second of four layers, the means of positions
removed, of trained networks and of untrained ones: as `nearid reproduce model_pairs --scale cpu`
has it, and after half the steps; of those with more images, other numbers of components, or pixels
that are not normalised.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

from nearid import statistical_identifiability
from nearid.experiments.model_pairs import without_means
from nearid.experiments.model_pairs_subjects import layer_rows
from nearid.experiments.model_pairs_trained import INPUTS, SCALES, TRAINED
from nearid.models import initialise, train_runs

LAYER = "net.vit.layers.1"
#: Steps, images, components, normalised pixels, seeds.
VARIANTS = {
    "3,000 steps, as it is": (3_000, 300, 32, True, 3),
    "1,500 steps": (1_500, 300, 32, True, 3),
    "1,500 steps, 1,500 images": (1_500, 1_500, 32, True, 3),
    "1,500 steps, 8 components": (1_500, 300, 8, True, 3),
    "1,500 steps, 16 components": (1_500, 300, 16, True, 3),
    "1,500 steps, 48 components": (1_500, 300, 48, True, 3),
    "1,500 steps, pixels as they are": (1_500, 300, 32, False, 2),
}


def measured(models, inputs, k):
    recipe = TRAINED["mae"]
    runs = {
        name: without_means(
            layer_rows(model, inputs.test, [LAYER], recipe)[LAYER], inputs.nuisances["position"]
        )
        for name, model in models.items()
    }
    return statistical_identifiability(
        runs, n_components=k, n_bootstrap=50, n_null=1, n_random=1, random_state=0
    )


def line(name, args):
    steps, n, k, normalised, seeds = VARIANTS[name]
    settings, recipe = replace(SCALES["cpu"]["mae"], inputs=n, steps=steps), TRAINED["mae"]
    inputs = INPUTS["mae"](args.data, settings)
    make = partial(recipe.factory(inputs, settings), norm_pixels=normalised)
    runs = train_runs(
        make,
        inputs.train,
        seeds=range(seeds),
        cache_dir=args.cache,
        n_jobs=args.jobs,
        steps=steps,
        batch_size=settings.batch,
        **recipe.options,
    )
    trained = measured({str(run.seed): run.model for run in runs}, inputs, k)
    untrained = measured({str(seed): initialise(make, seed) for seed in range(seeds)}, inputs, k)
    cells = [name, seeds]
    for result in (trained, untrained):
        white = result.overall[result.overall["frame"] == "whitened"].set_index("group")
        cells.append(f"{result.ica_efficiency:.2f}")
        cells.append(f"{white.at['rigid', 'relative']:.2f}")
    print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of data")
    parser.add_argument("--cache", required=True, help="a folder for trainings")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    given = parser.parse_args()
    print("| settings | seeds | efficiency | rigid / chance | untrained | rigid / chance |")
    print("| --- | --- | --- | --- | --- | --- |")
    for variant in VARIANTS:
        line(variant, given)
