"""Every kind of page in a browser: silent, complete, readable by eye, by ear and by keyboard."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import nearid
from nearid.decoder.implied import implied
from nearid.deconfounding import correct, evaluate
from nearid.experiments import disentanglement_reproduction, model_pairs_reproduction, warmup
from nearid.experiments import microscopy_reproduction as microscopy
from nearid.experiments.disentanglement import Settings
from nearid.experiments.model_pairs import Measuring
from nearid.experiments.model_pairs_trained import SCALES as TRAININGS
from nearid.experiments.registry import EXPERIMENTS
from nearid.report import write_page, write_report
from nearid.report.decoder import decoder_page
from nearid.report.deconfounding import deconfounding_page
from nearid.report.layerwise import layerwise_page
from nearid.report.structural import structural_page

#: Numbers what can be focused, in the order of the page, and counts it.
CONTROLS = """() => {
  window.controls = [...document.querySelectorAll("a[href], button, summary, [tabindex='0']")];
  return window.controls.length;
}"""
#: Which of these has the focus, whether it is marked, and whether it can be seen.
FOCUS = """() => {
  const own = document.activeElement, style = getComputedStyle(own);
  const box = own.getBoundingClientRect();
  const marked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.left < innerWidth;
  return [window.controls.indexOf(own), marked, seen];
}"""
QUICK = {"n_bootstrap": 10, "n_null": 1, "n_random": 1, "random_state": 0}
Z = np.random.default_rng(0).laplace(size=(300, 4))
TURN = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]


def compare(*_):
    noise = 0.2 * np.random.default_rng(2).standard_normal(Z.shape)
    runs = {"seed 0": Z, "seed 1": Z @ TURN + noise, "flat": 0 * Z, "seed 10": -Z}
    return nearid.statistical_identifiability(runs, **QUICK)


def structural(*_):
    rng = np.random.default_rng(0)
    factors = pd.DataFrame(rng.integers(0, 6, size=(400, 3)), columns=["size", "hue", "shape"])
    codes = factors.to_numpy() @ rng.standard_normal((3, 3))
    result = nearid.structural_identifiability(codes, factors, random_state=0, metrics=["mcc"])
    return structural_page(result, command="nearid score codes.npy --factors factors.csv")


def decoder(*_):
    torch.manual_seed(0)
    result = nearid.bilipschitz(torch.nn.Linear(4, 6).double(), Z[:40])
    return decoder_page(result, implied(result), command="nearid decoder model.pt")


def layers(*_):
    result = nearid.layerwise({"h.0": Z, "h.1": Z}, {"h.0": Z @ TURN, "h.1": Z[::-1]}, **QUICK)
    return layerwise_page(result, command="nearid compare --layerwise a b")


def deconfound(*_):
    frame = pd.DataFrame(np.random.default_rng(0).laplace(size=(120, 5))).add_prefix("Cells_Area_")
    frame["Metadata_Plate"] = np.repeat(["p", "q", "r"], 40)
    frame["Metadata_Gene"] = np.tile(["TP53", "DMSO"], 60)
    asked = {"batch": "Metadata_Plate", "label": "Metadata_Gene"}
    result = evaluate(frame, **asked, classifiers=["l2"], n_repeats=1)
    found = correct(frame, **asked, n_permutations=19).attribution
    return deconfounding_page(result, found, dropped={"ica0": 0.9}, command="nearid deconfound x")


def reproduce(claim, **chosen):
    """Return what makes the page of an experiment, trained to next to nothing."""

    def make(folder, data_folder):
        done = EXPERIMENTS[claim].run(scale="ci", cache_dir=folder, data_dir=data_folder, **chosen)
        return done.page(command=f"nearid reproduce {claim} --scale ci")

    return make


MAKERS = {
    "compare": compare,
    "structural": structural,
    "decoder": decoder,
    "layerwise": layers,
    "deconfound": deconfound,
    "warmup": reproduce("warmup", data=["teacher"]),
    "disentanglement": reproduce(
        "disentanglement", n_seeds=2, models=["ae"], metrics=["infomec", "mcc"]
    ),
    "model_pairs": reproduce("model_pairs", kinds=["language"]),
    "microscopy": reproduce("microscopy", tables=[]),
}


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    """Train next to nothing: what is tested is the page, not the claim."""
    patch = pytest.MonkeyPatch()
    tiny = {"alphas": (0.3, 1.0), "repeats": 2, "steps": 30, "n_train": 200, "n_test": 80}
    patch.setitem(warmup.SCALES, "ci", replace(warmup.SCALES["ci"], **tiny, n_jacobians=10))
    patch.setitem(
        disentanglement_reproduction.SCALES, "ci", Settings(8, 300, 200, 10, (8,), 4, 20, 32, 60)
    )
    language = replace(TRAININGS["ci"]["language"], steps=3, width=16, inputs=10)
    patch.setitem(TRAININGS, "ci", TRAININGS["ci"] | {"language": language})
    quick = Measuring(4, n_bootstrap=5, n_null=1, n_random=1)
    patch.setitem(model_pairs_reproduction.SCALES, "ci", (quick, 40))
    worlds, tables = microscopy.SCALES["ci"]
    small = replace(worlds, n_plates=3, n_wells=2, n_cells=3)
    patch.setitem(microscopy.SCALES, "ci", (small, replace(tables, classifiers=("l2",))))
    yield
    patch.undo()


@pytest.fixture(scope="module", params=MAKERS)
def path(request, tmp_path_factory, data_folder):
    """A page of each kind, as a file."""
    folder = tmp_path_factory.mktemp(request.param)
    made = MAKERS[request.param](folder, data_folder)
    write = write_report if request.param == "compare" else write_page
    write(made, folder / "page.html")
    return folder / "page.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_silent_asks_for_nothing_and_can_be_read(path, visit, scheme):
    opened = visit(path, color_scheme=scheme)
    assert opened.audit() == []
    assert opened.complaints == []
    assert opened.foreign == []
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(13, 17, 23)") == (scheme == "dark")


def test_on_a_telephone_every_control_is_reached_by_tab_and_shows_it(path, visit):
    opened = visit(path, viewport={"width": 360, "height": 740})
    assert opened.audit() == []
    wanted = opened.page.evaluate(CONTROLS)
    assert wanted >= 5
    reached = []
    for _ in range(wanted):
        opened.page.keyboard.press("Tab")
        reached.append(opened.page.evaluate(FOCUS))
    assert reached == [[i, True, True] for i in range(wanted)]


def test_without_scripts_it_reads_the_same(path, visit):
    opened, plain = visit(path), visit(path, java_script_enabled=False)
    texts = [one.page.locator("main").inner_text().split() for one in (opened, plain)]
    assert texts[0] == texts[1]
    assert plain.page.locator("button").count() == 0
    # and a printer gets all of it, in black on white
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert not opened.page.locator("nav").is_visible()
    style = opened.page.evaluate("(({color, backgroundColor}) => [color, backgroundColor])"
                                 "(getComputedStyle(document.body))")  # fmt: skip
    assert style == ["rgb(27, 36, 48)", "rgb(255, 255, 255)"]
    for table in opened.page.locator("table").all():
        assert table.is_visible()
        assert table.evaluate("(t) => t.parentElement.scrollHeight <= t.parentElement.clientHeight")
