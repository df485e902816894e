"""Inputs that are images in a folder."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.embed.inputs import Batch
from nearid.errors import InputError
from nearid.io.location import check_exists, check_file, check_packing, listing, parsing
from nearid.optional import require

__all__ = ["Images", "images"]

Array = NDArray[Any]

WHAT = "an image"
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")

#: Kinds of pixels, as pillow calls them, that become RGB or grey without loss of anything else.
PLAIN = ("1", "L", "P", "RGB", "CMYK", "YCbCr")


@dataclass(frozen=True, eq=False)
class Images:
    """Inputs that are images in a folder; see :func:`images`."""

    folder: Path
    names: tuple[str, ...]
    size: tuple[int, int] | None
    mode: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: bool
    n_jobs: int
    notices: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """What determines a batch, beside the content."""
        keys = ("size", "mode", "mean", "std", "crop")
        return {"kind": "images", **{key: getattr(self, key) for key in keys}}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the paths of some images within the folder."""
        return list(self.names[start:stop])

    def batch(self, start: int, stop: int) -> Batch:
        """Read some images: float32, shape (n, channels, height, width)."""
        paths = [self.folder / name for name in self.names[start:stop]]
        read = partial(_pixels, mode=self.mode, size=self.size, crop=self.crop)
        if self.n_jobs == 1:
            pixels = list(map(read, paths))
        else:
            with ThreadPoolExecutor(self.n_jobs) as pool:
                pixels = list(pool.map(read, paths))
        odd = [i for i, image in enumerate(pixels) if image.shape != pixels[0].shape]
        if odd:
            height, width = pixels[odd[0]].shape[:2]
            raise InputError(
                f"{paths[odd[0]]} is {height} × {width}, other images are not: give a size"
            )
        scaled = (np.stack(pixels) / np.float32(255) - _f32(self.mean)) / _f32(self.std)
        return Batch(stop - start, array=np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))

    def fingerprint(self) -> str:
        """Return a digest of the names and of the files."""
        digest = hashlib.sha256()
        for name in self.names:
            with (self.folder / name).open("rb") as stream:
                digest.update(os.fsencode(name) + hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def within(self, context: int | None) -> Images:
        """Return these images; the model itself says if it cannot take them."""
        return self


def images(
    folder: str | os.PathLike[str],
    *,
    size: int | Sequence[int] | None = None,
    mode: str = "RGB",
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    crop: bool = False,
    n_jobs: int = 1,
) -> Images:
    """Return inputs that are the images of a folder and of its sub-folders, sorted by name.

    A pixel p of a channel, 0 to 255, becomes (p / 255 - mean) / std.

    Parameters
    ----------
    folder : path
        Needs the extra ``datasets``, for pillow. The ids are the paths within the folder.
    size : int or (height, width), optional
        To which images are brought, by bicubic interpolation with antialiasing, without regard to
        their proportions; an int is both. Without it all images must have one size.
    mode : {"RGB", "L"}
        Colour, or grey of one channel.
    mean, std : float or sequence of one or three
        Of each channel, as the model was trained.
    crop : bool, default False
        Keep the proportions, and cut what is too long, in equal parts from both sides.
    n_jobs : int, default 1
        Threads that read.

    Raises
    ------
    InputError
        If there is no such folder or no image in it, an argument is not as described, or, when it
        is read, a file is damaged, transparent, or of more than 8 bits.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as place:
    ...     Image.new("RGB", (8, 6), "red").save(f"{place}/é.png")
    ...     inputs = images(place, size=4, mean=0.5, std=0.5)
    ...     inputs.ids(0, 1), inputs.batch(0, 1).array[0, :, 0, 0].tolist()
    (['é.png'], [1.0, -1.0, -1.0])
    """
    require("PIL", extra="datasets")
    if mode not in ("RGB", "L"):
        raise InputError(f"mode is RGB or L (grey); got {mode!r}")
    if n_jobs < 1:
        raise InputError(f"n_jobs is a number of threads, from 1; got {n_jobs!r}")
    if crop and size is None:
        raise InputError("crop needs a size to cut to")
    channels = 3 if mode == "RGB" else 1
    folder = Path(folder)
    names, others = _listed(folder)
    notices = [f"{folder}: {len(others)} other files were not read: {listing(others, 3)}"]
    centre, spread = _numbers(mean, channels, "mean"), _numbers(std, channels, "std")
    if not all(number > 0 for number in spread):
        raise InputError(f"std must be above 0; got {std!r}")
    return Images(
        folder,
        tuple(names),
        _size(size),
        mode,
        centre,
        spread,
        crop,
        n_jobs,
        tuple(notices) if others else (),
    )


def _listed(folder: Path) -> tuple[list[str], list[str]]:
    """Return the images of a folder, and its other files."""
    check_exists(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is a file: expected a folder of images")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is(path))
    names = [name for name in found if name.lower().endswith(SUFFIXES)]
    if not names:
        raise InputError(f"{folder} holds no image ({', '.join(SUFFIXES)})")
    for name in names:
        check_file(folder / name, WHAT)
    return names, [name for name in found if not name.lower().endswith(SUFFIXES)]


def _is(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _pixels(path: Path, *, mode: str, size: tuple[int, int] | None, crop: bool) -> Array:
    """Return the pixels of an image, uint8, shape (height, width, channels)."""
    image_module = require("PIL.Image", extra="datasets")
    check_file(path, WHAT)
    # a damaged file raises nearly anything; what is merely warned of, such as a file that claims a
    # size to fill the memory with, is damage here
    with parsing(path, WHAT, Exception), warnings.catch_warnings():
        warnings.simplefilter("error")
        with image_module.open(path) as image:
            if image.mode not in PLAIN or "transparency" in image.info:
                raise InputError(
                    f"{path} has pixels of kind {image.mode}, with more than 8 bits or "
                    f"transparency: convert it to plain RGB or grey"
                )
            check_packing(path, 3 * image.width * image.height, path.stat().st_size)
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(f"{path} holds {image.n_frames} images: save one of them")
            plain = image.convert(mode)
            if size is not None:
                plain = _resized(image_module, plain, size, crop)
            pixels = np.asarray(plain)
    return pixels[..., None] if mode == "L" else pixels


def _resized(image_module: Any, image: Any, size: tuple[int, int], crop: bool) -> Any:
    height, width = size
    box = (0.0, 0.0, float(image.width), float(image.height))
    if crop:
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
        box = (left, top, image.width - left, image.height - top)
    return image.resize((width, height), image_module.Resampling.BICUBIC, box=box)


def _size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or not all(isinstance(side, int) and side > 0 for side in pair):
        raise InputError(f"size is a number of pixels, or (height, width); got {size!r}")
    return pair[0], pair[1]


def _numbers(given: float | Sequence[float], channels: int, what: str) -> tuple[float, ...]:
    numbers = (given,) if isinstance(given, int | float) else tuple(given)
    if len(numbers) not in (1, channels):
        raise InputError(f"{what} is one number, or {channels} of them; got {given!r}")
    return tuple(float(number) for number in numbers)


def _f32(numbers: Sequence[float]) -> Array:
    return np.array(numbers, dtype=np.float32)
