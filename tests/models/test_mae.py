from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import initialise, mae, train, train_runs, vit_mae

SMALL = partial(
    vit_mae, (1, 8, 8), patch=2, width=16, depth=2, heads=2,
    decoder_width=16, decoder_depth=1, decoder_heads=2,
)  # fmt: skip


@pytest.fixture
def images():
    """Each of one grey, so that what is masked can be told from what is not."""
    rng = np.random.default_rng(0)
    return (rng.random((64, 1, 1, 1)) + np.zeros((64, 1, 8, 8))).astype("f")


def test_tokens_are_those_of_transformers_without_a_mask(images):
    model = initialise(SMALL, 0).eval()
    x = torch.from_numpy(images)
    model.net.vit.config.mask_ratio = 0.0
    in_order = torch.arange(16.0).expand(len(x), -1)
    expected = model.net.vit(x, noise=in_order).last_hidden_state
    torch.testing.assert_close(model(x), expected)


def test_nothing_is_drawn_when_it_is_called(images):
    model = initialise(SMALL, 0)
    before = torch.get_rng_state()
    x = torch.from_numpy(images)
    assert torch.equal(model(x), model(x))
    assert torch.equal(torch.get_rng_state(), before)
    assert model(x).shape == (64, 17, 16)


def test_the_loss_is_that_of_transformers_with_the_same_mask(images):
    model, x = initialise(SMALL, 0), torch.from_numpy(images)
    torch.manual_seed(1)
    noise = torch.rand(len(x), 16)
    torch.manual_seed(1)
    assert torch.equal(model.loss(x), model.net(x, noise=noise).loss)


def test_masks_are_a_function_of_the_seed(images):
    losses = [train(initialise(SMALL, 0), images, steps=4, seed=seed).losses for seed in (3, 3, 4)]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert (losses[0] != losses[2]).any()


def test_it_learns(images):
    run = train(initialise(partial(SMALL, norm_pixels=False), 0), images, steps=100, lr=3e-3)
    variance = images.var()
    assert run.losses[:5].mean() > 0.8 * variance
    assert run.losses[-20:].mean() < 0.4 * variance


def test_positions_tell_patches_apart_and_are_smooth():
    places = mae.positions(4, 16)[1:]
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    assert distances[~np.eye(16, dtype=bool)].min() > 0.5
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), np.sqrt(8), rtol=1e-6)
    assert distances[0, 1] < distances[0, 3]  # along a row
    assert distances[0, 4] < distances[0, 12]  # along a column


def test_a_model_knows_where_patches_are(images):
    """Without positions, as transformers leaves them, patches could be swapped unseen."""
    model, x = initialise(SMALL, 0), torch.rand(1, 1, 8, 8)
    swapped = torch.cat([x[..., 2:4], x[..., :2], x[..., 4:]], dim=3)
    tokens, other = model(x)[0, 1:], model(swapped)[0, 1:]
    assert (tokens[0] - other[1]).abs().max() > 0.1
    held = (model.net.vit.embeddings.position_embeddings, model.net.decoder.decoder_pos_embed)
    for places in held:
        np.testing.assert_allclose(places[0].numpy(), mae.positions(4, 16))


def test_positions_are_not_trained(images):
    model = initialise(SMALL, 0)
    run = train(model, images, steps=3, weight_decay=0.5)
    held = [m.net.vit.embeddings.position_embeddings for m in (model, run.model)]
    assert torch.equal(*held)


def test_the_same_seed_gives_the_same_bits_after_an_interruption(images, tmp_path):
    options = {"steps": 6, "batch_size": 8, "seed": 1}
    whole = train(initialise(SMALL, 1), images, **options)

    def stop(step, steps, loss):
        if step == 4:
            raise KeyboardInterrupt

    folder = {"checkpoint_dir": tmp_path, "checkpoint_every": 2}
    with pytest.raises(KeyboardInterrupt):
        train(initialise(SMALL, 1), images, **options, **folder, progress=stop)
    rest = train(initialise(SMALL, 1), images, **options, **folder)
    assert rest.resumed_from == 4
    np.testing.assert_array_equal(rest.losses, whole.losses)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], value)


def test_runs_are_cached_and_settings_that_no_layer_shows_count(images, tmp_path):
    options = {"seeds": [0, 1], "steps": 2, "n_jobs": 1, "cache_dir": tmp_path}
    train_runs(SMALL, images, **options)
    assert [run.resumed_from for run in train_runs(SMALL, images, **options)] == [2, 2]
    for change in ({"mask": 0.5}, {"norm_pixels": False}, {"heads": 4}):
        other = train_runs(partial(SMALL, **change), images, **options)
        assert [run.resumed_from for run in other] == [0, 0]


def test_the_default_is_a_base_model():
    with torch.device("meta"):
        model = vit_mae()
    n = sum(p.numel() for p in model.net.vit.parameters())
    assert n == pytest.approx(85.8e6, rel=0.01)  # ViT-B/16 without a head


def test_the_class_has_a_name():
    assert type(SMALL()) is mae.ViTMAE
    with pytest.raises(AttributeError, match="no attribute 'MAE'"):
        mae.MAE  # noqa: B018  (the access is the test)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch": 3}, "multiple of the patch"),
        ({"heads": 3}, "widths of 16 over 3"),
        ({"mask": 0.0}, "mask must leave some of the 16 patches"),
        ({"mask": 0.99}, "mask must leave some"),
        ({"depth": 0}, "sizes of layers"),
    ],
)
def test_wrong_sizes_have_messages(change, message):
    with pytest.raises(InputError, match=message):
        SMALL(**change)
