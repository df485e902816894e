"""``nearid decoder``: known decoders have known constants, and every mistake one clear line."""

import sys

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nearid.cli.modules import load_weights, made_by
from nearid.decoder import bilipschitz
from nearid.decoder.implied import implied
from nearid.errors import InputError
from nearid.io import write_safetensors
from nearid.plots.decoder import constants_figure
from nearid.report.decoder import decoder_page

#: What a user might have beside the weights.
CODE = """
from torch import nn


def decoder():
    return nn.Linear(3, 5).double()


def autoencoder():
    return nn.ModuleDict({"encoder": nn.Linear(5, 3), "decoder": decoder()})


def single():
    print("noise of the user's own")
    return decoder().float()


class Untraceable(nn.Linear):
    def forward(self, z):
        return super().forward(z) if len(z) else z


def untraceable():
    return Untraceable(3, 5)


class Folded(nn.Module):
    def forward(self, tokens):
        return tokens * tokens.new_tensor([[2.0], [1 / 3], [1.0]])


def folded():
    return Folded()


def fails():
    return decoder() + {}["size"]


def leaves():
    raise SystemExit("usage: train.py DATA")


def number():
    return 3


constant = 7
"""


def orthogonal(scale=1.0):
    """Weights of a linear decoder from 3 to 5 dimensions whose columns are orthogonal."""
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 3)))[0]
    return {"weight": scale * turn, "bias": np.ones(5)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder: code, weights, latents."""
    folder = tmp_path_factory.mktemp("decoder")
    (folder / "near_own_nets.py").write_text(CODE)
    (folder / "near_own_broken.py").write_text("import near_own_nowhere\n")
    for name, scale in (("isometry", 1.0), ("triple", 3.0)):
        write_safetensors(folder / f"{name}.safetensors", orthogonal(scale))
    whole = {f"decoder.{name}": array for name, array in orthogonal().items()}
    whole |= {"encoder.weight": np.ones((3, 5)), "encoder.bias": np.ones(3)}
    write_safetensors(folder / "whole.safetensors", whole)
    wide = {"weight": np.ones((5, 4)), "bias": np.ones(5)}
    write_safetensors(folder / "wide.safetensors", wide)
    write_safetensors(folder / "none.safetensors", {})
    latents = np.random.default_rng(1).standard_normal((40, 3))
    np.savez(folder / "runs.npz", z=latents, other=latents[:, :2], dead=latents * [1, 1, 1e-3])
    sequences = np.random.default_rng(2).standard_normal((20, 3, 4))
    np.savez(folder / "tokens.npz", hidden=sequences, z=latents)
    np.savez(folder / "several.npz", a=sequences, b=sequences)
    np.save(folder / "tokens.npy", sequences)
    np.save(folder / "objects.npy", np.array([None, {}]), allow_pickle=True)
    np.savetxt(folder / "tokens.csv", latents)
    write_safetensors(folder / "tokens.safetensors", {"hidden": sequences.astype("f")})
    return folder


@pytest.fixture(scope="module")
def measure(run, folder):
    """Run the command in the user's folder."""

    def invoke(
        *options,
        factory="near_own_nets:decoder",
        weights="isometry",
        latents="runs.npz::z",
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            path = f"{weights}.safetensors"
            return run("decoder", factory, "--weights", path, "--latents", latents, *options)

    yield invoke
    for name in ("near_own_nets", "near_own_broken"):
        sys.modules.pop(name, None)


@pytest.fixture
def found(measure, strict_json):
    """Run the command and return what it prints as JSON."""

    def invoke(*options, **given):
        done = measure(*options, "--json", **given)
        assert done.exit_code == 0, done.output
        return strict_json(done.stdout)

    return invoke


@pytest.mark.parametrize("method", ["exact", "lanczos"])
def test_an_isometry_has_constants_1_and_no_error(found, method):
    held = found("--method", method)
    assert held["n_latents"] == 40
    assert held["method"] == method
    for name in ("constant", "constant_scale_free", "median", "scale"):
        assert held[name] == pytest.approx(1, abs=1e-6)
    assert held["epsilon"]["unit"] == "c_D·Δ"
    assert held["epsilon"]["similarity"] == {"max": 0, "median": 0}
    assert held["worst_case"]["constant"] == pytest.approx(1, abs=1e-6)


def test_a_scaled_isometry_is_one_but_for_the_scale(found):
    held = found("--constant", "0.5", "--diameter", "2", "--batch-size", "7", weights="triple")
    assert held["constant"] == pytest.approx(3)
    assert held["constant_scale_free"] == pytest.approx(1, abs=1e-6)
    # L = 2: ε = 0.5 · √(4 + 4) · 2
    assert held["epsilon"]["unit"] is None
    assert held["epsilon"]["rigid"]["max"] == pytest.approx(np.sqrt(8))
    assert held["epsilon"]["similarity"]["max"] == 0
    assert held["quantiles"]["condition"]["1.0"] == pytest.approx(1, abs=1e-6)


def test_a_part_of_a_whole_is_measured_with_its_own_weights(found):
    held = found("--attribute", "decoder", factory="near_own_nets:autoencoder", weights="whole")
    assert held["constant"] == pytest.approx(1, abs=1e-6)


def test_dead_latents_are_told_and_left_out(measure):
    done = measure(latents="runs.npz::dead")
    assert done.exit_code == 0, done.output
    assert "decoder at 40 latents, 2 of 3 dimensions live (1 dead), exact" in done.stdout
    assert "warning: 1 of 3 dimensions" in done.stdout


def test_how_dead_a_latent_must_be_is_asked(found):
    for threshold, live in (("0", 3), ("1e-9", 3), ("1e-3", 2), ("0.99", 1)):
        held = found("--live-threshold", threshold, latents="runs.npz::dead")
        assert held["settings"]["live_threshold"] == float(threshold)
        assert held["live_dimensions"] == live


def test_the_device_is_asked_and_used(found):
    held = found("--device", "cpu")
    assert held["settings"]["device"] == "cpu"
    assert held["constant"] == pytest.approx(1)


TOKENS = {"factory": "near_own_nets:folded", "weights": "none"}


@pytest.mark.parametrize(
    ("tokens", "constants"),
    [
        (":", (2, 3, 1)),
        ("0", (2,)),
        ("-1", (1,)),
        ("1:", (3, 1)),
        ("::2", (2, 1)),
        ("::-1", (1, 3, 2)),
    ],
)
@pytest.mark.parametrize("file", ["tokens.npy", "tokens.npz", "tokens.npz::hidden"])
def test_tokens_are_measured_by_themselves(found, tokens, constants, file):
    held = found("--tokens", tokens, latents=file, **TOKENS)
    assert held["settings"]["tokens"] == tokens
    assert held["n_latents"] == 20 * len(constants)
    assert held["constant"] == pytest.approx(max(constants))
    assert held["quantiles"]["constant"]["0.0"] == pytest.approx(min(constants))
    assert held["worst_case"] is None


def test_the_command_measures_what_the_function_does(found):
    held = found("--tokens", "1:", "--method", "lanczos", latents="tokens.safetensors", **TOKENS)
    z = np.random.default_rng(2).standard_normal((20, 3, 4)).astype("f")
    result = bilipschitz(
        lambda z: z * z.new_tensor([[2.0], [1 / 3], [1.0]]),
        z,
        tokens=slice(1, None),
        method="lanczos",
        random_state=0,
    )
    assert held["quantiles"]["sigma_max"]["1.0"] == pytest.approx(result.sigma_max.max())
    assert held["resolution"] == result.resolution


def test_the_summary_counts_tokens(measure, tmp_path):
    page = tmp_path / "page.html"
    done = measure("--tokens", "1:", "--report", page, latents="tokens.npy", **TOKENS)
    assert done.exit_code == 0, done.output
    assert "decoder at 40 latents (2 tokens in 20 sequences of 3), 4 of 4" in done.stdout
    assert "no bound, which is of whole latents, not of single tokens" in done.stdout
    assert "which is of whole latents, not of single tokens" in page.read_text()


@pytest.mark.parametrize(
    ("options", "latents", "message"),
    [
        (["--tokens", "first"], "tokens.npy", "--tokens is a slice, such as 1:"),
        (["--tokens", ""], "tokens.npy", "--tokens is a slice, such as 1:"),
        (["--tokens", "1:2:0"], "tokens.npy", "or one position; got '1:2:0'"),
        (["--tokens", "1:2:3:4"], "tokens.npy", "or one position; got '1:2:3:4'"),
        (["--tokens", "3:"], "tokens.npy", "names none of the 3 tokens"),
        (["--tokens", ":"], "tokens.csv", "read from .npy, .npz and .safetensors files"),
        (["--tokens", ":"], "token.npy", "token.npy does not exist; did you mean tokens.npy"),
        (["--tokens", ":"], "objects.npy", "objects.npy cannot be read as an .npy file"),
        (["--tokens", ":"], "isometry.safetensors", "it holds bias (5,), weight (5, 3)"),
        (["--tokens", ":"], "tokens.npz::z", "(latents, tokens, D); it holds z (40, 3)"),
        (["--tokens", ":"], "tokens.npz::hide", "has no array hide"),
        (["--tokens", ":"], "several.npz", "2 arrays of sequences (a, b): name one"),
        (["--tokens", ":", "--features", "a"], "tokens.npy", "sequences of tokens have no columns"),
        (["--device", "abacus"], "runs.npz::z", "cannot compute on the device 'abacus'"),
        (["--device", "meta"], "runs.npz::z", "name another, such as cpu or cuda:0"),
        (["--live-threshold", "1"], "runs.npz::z", "live_threshold is a share"),
    ],
)
def test_mistakes_with_tokens_devices_and_thresholds_are_clear(
    measure, failed, options, latents, message
):
    given = TOKENS if "--tokens" in options else {}
    assert message in failed(measure(*options, latents=latents, **given))


def test_summary_and_page(measure, tmp_path):
    page = tmp_path / "page.html"
    done = measure("--diameter", "2", "--report", page, weights="triple")
    assert done.exit_code == 0, done.output
    [line] = [line for line in done.stdout.splitlines() if line.startswith("1 + L ")]
    assert line.split()[3:] == ["3"] * 8
    assert "implied ε (Theorem 1), in units of c_D" in done.stdout
    assert "3 ≤ σ ≤ 3, 1 + L ≤ 3, 1 + L_sim ≤ 1" in done.stdout
    assert f"report: {page}" in done.stdout
    text = page.read_text()
    assert "Bounds by layer" in text
    assert "The decoder is an isometry at every latent, up to one scale" in text
    assert "near_own_nets:decoder" in text


def test_without_a_bound_from_the_weights_the_rest_is_there(measure, found, tmp_path):
    page = tmp_path / "page.html"
    done = measure("--report", page, factory="near_own_nets:untraceable")
    assert done.exit_code == 0, done.output
    assert "from the weights alone, at any latent: no bound" in done.stdout
    assert "There is no bound from the weights" in page.read_text()
    held = found(factory="near_own_nets:untraceable")
    assert held["worst_case"] is None
    assert held["constant"] == pytest.approx(1, abs=1e-5)


def test_weights_of_more_digits_are_rounded_and_that_is_said(measure, strict_json):
    done = measure("--json", factory="near_own_nets:single")
    note = "isometry.safetensors: float64 weights were rounded to the module's float32"
    assert note in done.stderr
    assert "noise of the user's own" in done.stderr
    assert strict_json(done.stdout)["constant"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"factory": "near_own_nets"}, "expected MODULE:FACTORY"),
        ({"factory": "near_own_nets.py:decoder"}, "write near_own_nets:decoder"),
        ({"factory": "near_own_nests:decoder"}, "there is no module 'near_own_nests'"),
        ({"factory": "near_own_broken:decoder"}, "No module named 'near_own_nowhere'"),
        ({"factory": "near_own_nets:encoder"}, "has no 'encoder'; it defines decoder, auto"),
        ({"factory": "near_own_nets:constant"}, "int cannot be called"),
        ({"factory": "near_own_nets:number"}, "must return a torch.nn.Module; got int"),
        ({"factory": "near_own_nets:fails"}, "calling near_own_nets:fails() failed: KeyError"),
        ({"factory": "near_own_nets:leaves"}, "SystemExit: usage: train.py DATA"),
        ({"weights": "nowhere"}, "nowhere.safetensors does not exist"),
        ({"weights": "wide"}, "weight is (5, 4), expected (5, 3)"),
        ({"weights": "whole"}, "name that part with --attribute"),
        ({"factory": "near_own_nets:autoencoder"}, "lacks 4 (encoder.weight, encoder.bias"),
        ({"factory": "near_own_nets:autoencoder"}, "the file is of the part 'decoder' alone"),
        ({"latents": "runs.npz::other"}, "refused latents of shape (2, 2)"),
        ({"latents": "runs.npz"}, "name one, as in FILE::KEY"),
    ],
)
def test_every_mistake_is_one_clear_line(measure, failed, given, message):
    assert message in failed(measure(**given))


def test_weights_that_are_pickled_are_not_opened(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(torch.nn.Linear(1, 1).state_dict(), path)
    with pytest.raises(InputError, match=r"net\.pt: expected .*\.safetensors.*write_safetensors"):
        load_weights(torch.nn.Linear(1, 1), path)


def test_weights_are_written_as_the_message_says(tmp_path):
    held, made = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    write_safetensors(tmp_path / "net.safetensors", held.state_dict())
    assert load_weights(made, tmp_path / "net.safetensors") == []
    assert torch.equal(made.weight, held.weight)


def test_a_part_that_is_not_there_is_named_with_those_that_are(measure):
    done = measure("--attribute", "head", factory="near_own_nets:autoencoder", weights="whole")
    assert done.exit_code == 1
    assert "ModuleDict has no part 'head'; it has encoder, decoder" in done.stderr


def test_the_search_path_is_as_it_was(folder, monkeypatch):
    monkeypatch.chdir(folder)
    before = list(sys.path)
    assert isinstance(made_by("near_own_nets:decoder"), torch.nn.Linear)
    assert sys.path == before


RESULTS = {
    "isometry": lambda z: -z,
    "bent": lambda z: z**3 + z,
    "flat": lambda z: z.relu(),
    "steep": lambda z: (6 * z).exp(),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", RESULTS)
def test_every_kind_is_drawn_within_the_edges(kind, theme):
    z = np.random.default_rng(0).standard_normal((50, 3))
    figure = constants_figure(bilipschitz(RESULTS[kind], z), theme=theme)
    assert isinstance(figure, Figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= figure.get_figwidth()
    assert box.y1 <= figure.get_figheight()


def test_curves_are_the_quantiles():
    z = np.random.default_rng(0).standard_normal((50, 3))
    result = bilipschitz(RESULTS["bent"], z)
    low, high = constants_figure(result).axes[0].lines[:2]
    np.testing.assert_array_equal(low.get_xdata(), np.sort(result.sigma_min))
    np.testing.assert_array_equal(high.get_xdata(), np.sort(result.sigma_max))


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("isometry", "is an isometry at every latent"),
        ("bent", "from an isometry, after the best scale"),
        ("flat", "forgets a direction, and nothing is implied"),
    ],
)
def test_the_headline_says_what_was_found(kind, title):
    z = np.random.default_rng(0).standard_normal((50, 3))
    result = bilipschitz(RESULTS[kind], z)
    page = decoder_page(result, implied(result))
    assert title in page.headline.title
    assert "it was not asked for" in page.sections[-1].text
