"""A ray-caster for one object on the floor of a room's corner, in layers of one colour each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAYERS", "SHAPES", "render_layers"]

Array = NDArray[Any]
#: Distance to an object along each ray (inf where it misses), and the outward normal there.
Hit = tuple[Array, Array]

#: What a layer is the light of: coloured floor, walls and object, and what shines white.
LAYERS = ("floor", "wall", "object", "white")

#: A pixel is the mean of SAMPLES² rays.
SAMPLES = 3
#: Distance of the walls from the object, of the camera from it, and the camera's height.
WALL, DISTANCE, HEIGHT = 2.4, 4.6, 2.5
#: Half of the vertical angle of view, and the height that the camera looks at.
HALF_VIEW, TARGET = np.radians(20.0), 0.62
LIGHT = np.array([-2.2, -3.4, 5.2])
#: Radius of the round lamp, and points on it that shadows are cast from.
LAMP, LAMP_POINTS = 0.8, 9
#: Light that comes from everywhere, and what the lamp adds.
AMBIENT, DIFFUSE, SPECULAR, SHININESS = 0.42, 0.58, 0.28, 24
FAR = np.float32(np.inf)


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("...d,...d->...", a, b))


def _root(a: Array, b: Array, c: Array) -> Array:
    """Return the least positive t of ``a t² + 2 b t + c = 0``, inf where there is none."""
    inside = b * b - a * c
    safe = np.where(a > 1e-9, a, np.float32(1))
    t = (-b - np.sqrt(np.maximum(inside, 0))) / safe
    return np.where((inside > 0) & (a > 1e-9) & (t > 1e-4), t, FAR)


def _nearest(*hits: Hit) -> Hit:
    t, normal = hits[0]
    for other, facing in hits[1:]:
        closer = other < t
        t = np.where(closer, other, t)
        normal = np.where(closer[:, None], facing, normal)
    return t, normal


def _ball(origin: Array, rays: Array, centre: Array, radius: float) -> Hit:
    from_centre = origin - centre
    c = _dot(from_centre, from_centre) - np.float32(radius**2)
    t = _root(_dot(rays, rays), _dot(from_centre, rays), c)
    place = from_centre + np.where(np.isfinite(t), t, 0)[:, None] * rays
    return t, place / np.float32(radius)


def _tube(origin: Array, rays: Array, radius: float, low: float, high: float) -> Hit:
    """Meet an upright tube without its ends."""
    flat = np.array([1, 1, 0], dtype=np.float32)
    start, along = origin * flat, rays * flat
    c = _dot(start, start) - np.float32(radius**2)
    t = _root(_dot(along, along), _dot(start, along), c)
    place = origin + np.where(np.isfinite(t), t, 0)[:, None] * rays
    t = np.where((place[:, 2] >= low) & (place[:, 2] <= high), t, FAR)
    return t, place * flat / np.float32(radius)


def cube(origin: Array, rays: Array, scale: float) -> Hit:
    """Meet a cube that stands on the floor, its sides along the walls."""
    half = np.float32(0.413 * scale)
    from_centre = origin - np.array([0, 0, half], dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = (-np.sign(rays) * half - from_centre) / rays
        far = (np.sign(rays) * half - from_centre) / rays
    outside = (rays == 0) & (np.abs(from_centre) > half)
    near = np.where(rays == 0, np.where(outside, FAR, -FAR), near)
    far = np.where(rays == 0, FAR, far)
    axis = near.argmax(axis=1)
    t, end = near.max(axis=1), far.min(axis=1)
    t = np.where((t < end) & (t > 1e-4), t, FAR)
    normal = np.zeros_like(rays)
    rows = np.arange(len(rays))
    normal[rows, axis] = -np.sign(rays[rows, axis])
    return t, normal


def cylinder(origin: Array, rays: Array, scale: float) -> Hit:
    """Meet an upright cylinder."""
    radius, top = 0.46 * scale, np.float32(1.05 * scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (top - origin[:, 2]) / rays[:, 2]
    t = np.where((t > 1e-4) & np.isfinite(t), t, FAR)
    place = origin + np.where(np.isfinite(t), t, 0)[:, None] * rays
    t = np.where(_dot(place[:, :2], place[:, :2]) <= np.float32(radius**2), t, FAR)
    lid = np.broadcast_to(np.array([0, 0, 1], dtype=np.float32), rays.shape)
    return _nearest(_tube(origin, rays, radius, 0, float(top)), (t, lid))


def sphere(origin: Array, rays: Array, scale: float) -> Hit:
    """Meet a ball that lies on the floor."""
    radius = 0.597 * scale
    return _ball(origin, rays, np.array([0, 0, radius], dtype=np.float32), radius)


def capsule(origin: Array, rays: Array, scale: float) -> Hit:
    """Meet an upright tube with round ends."""
    radius, height = 0.403 * scale, 1.57 * scale
    centres = [np.array([0, 0, z], dtype=np.float32) for z in (radius, height - radius)]
    ends = [_ball(origin, rays, centre, radius) for centre in centres]
    return _nearest(_tube(origin, rays, radius, radius, height - radius), *ends)


#: The shapes in the order of their classes.
SHAPES: dict[str, Callable[[Array, Array, float], Hit]] = {
    "cube": cube,
    "cylinder": cylinder,
    "sphere": sphere,
    "capsule": capsule,
}


def render_layers(shape: str, scale: float, degrees: float, size: int) -> NDArray[np.float32]:
    """Render a scene as the light of each layer, of which a picture is a sum of colours.

    Parameters
    ----------
    shape : {"cube", "cylinder", "sphere", "capsule"}
    scale : float
        Of the object. At one scale all four shapes cover about the same part of the picture.
    degrees : float
        How far the camera has gone round the object.
    size : int
        Height and width in pixels.

    Returns
    -------
    ndarray of float32, shape (4, size, size)
        Floor, wall, object and white, from 0 to 1.

    Examples
    --------
    >>> layers = render_layers("sphere", 1.0, 0.0, 8)
    >>> layers.shape, bool(layers[:3].sum(axis=0).max() <= 1)
    ((4, 8, 8), True)
    """
    camera, rays = _camera(degrees, size * SAMPLES)
    origin = np.broadcast_to(camera, rays.shape)
    t, normal, kind = _scene(origin, rays, shape, scale)
    place = origin + t[:, None] * rays
    lit = _unshadowed(place, normal, kind, shape, scale, size)
    to_lamp = LIGHT.astype(np.float32) - place
    to_lamp /= np.linalg.norm(to_lamp, axis=1, keepdims=True)
    facing = np.maximum(_dot(normal, to_lamp), 0)
    light = np.float32(AMBIENT) + np.float32(DIFFUSE) * facing * lit
    layers = np.stack([np.where(kind == k, light, 0) for k in range(3)])
    half = to_lamp - rays / np.linalg.norm(rays, axis=1, keepdims=True)
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shine = np.where(kind == 2, np.maximum(_dot(normal, half), 0) ** SHININESS, 0)
    layers = np.concatenate([layers, np.float32(SPECULAR) * shine[None]])
    grid = layers.reshape(4, size, SAMPLES, size, SAMPLES)
    return np.asarray(grid.mean(axis=(2, 4)), dtype=np.float32)


def _camera(degrees: float, side: int) -> tuple[Array, Array]:
    """Return the camera's place, and a ray through every point of the picture, row by row."""
    angle = np.radians(225.0 + degrees)
    place = np.array([DISTANCE * np.cos(angle), DISTANCE * np.sin(angle), HEIGHT])
    forward = np.array([0, 0, TARGET]) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    steps = ((np.arange(side) + 0.5) / side * 2 - 1) * np.tan(HALF_VIEW)
    rays = forward + steps[None, :, None] * right - steps[:, None, None] * up
    return place.astype(np.float32), rays.reshape(-1, 3).astype(np.float32)


def _scene(
    origin: Array, rays: Array, shape: str, scale: float
) -> tuple[Array, Array, NDArray[np.int8]]:
    """Return what every ray meets: the distance, the normal, and 0 floor, 1 wall, 2 object."""
    planes = []
    for axis, position in ((2, 0.0), (0, WALL), (1, WALL)):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (np.float32(position) - origin[:, axis]) / rays[:, axis]
        planes.append(np.where(t > 1e-4, t, FAR))
    t, normal = SHAPES[shape](origin, rays, scale)
    every = np.stack([*planes, t])
    first = every.argmin(axis=0)
    inward = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], dtype=np.float32)
    normal = np.where((first == 3)[:, None], normal, inward[np.minimum(first, 2)])
    kind = np.array([0, 1, 1, 2], dtype=np.int8)[first]
    return every.min(axis=0), normal, kind


def _unshadowed(
    place: Array, normal: Array, kind: NDArray[np.int8], shape: str, scale: float, size: int
) -> Array:
    """Return the share of the lamp that each point of floor and walls sees.

    One ray a pixel and point of the lamp is enough: soft shadows have no edges to alias.
    """
    side = size * SAMPLES
    middle = (np.arange(size) * SAMPLES + SAMPLES // 2)[:, None] * side
    pixels = (middle + np.arange(size) * SAMPLES + SAMPLES // 2).ravel()
    start = place[pixels] + np.float32(1e-3) * normal[pixels]
    seen = np.zeros(len(pixels), dtype=np.float32)
    for point in range(LAMP_POINTS):
        # a sunflower: points spread evenly over a disc
        radius, turn = LAMP * np.sqrt((point + 0.5) / LAMP_POINTS), point * np.pi * (3 - 5**0.5)
        lamp = LIGHT + radius * np.array([np.cos(turn), np.sin(turn), 0])
        t, _ = SHAPES[shape](start, lamp.astype(np.float32) - start, scale)
        seen += (t > 1).astype(np.float32)
    share = (seen / np.float32(LAMP_POINTS)).reshape(size, size)
    every = share.repeat(SAMPLES, axis=0).repeat(SAMPLES, axis=1)
    return np.where(kind == 2, np.float32(1), every.ravel())
