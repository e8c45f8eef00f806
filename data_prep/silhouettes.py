"""Ten kinds of objects as polygons with free parameters: what the generated scenes show.

Each function draws its parameters from a generator and returns parts from back to front: a polygon
(n, 2) of x to the right and y down, in any unit, and a tone from -1, dark, to 1, light.
"""

from collections.abc import Callable

import numpy as np

Part = tuple[np.ndarray, float]
Rng = np.random.Generator


def ellipse(x: float, y: float, a: float, b: float, start=0.0, stop=1.0) -> np.ndarray:
    """A polygon around (x, y) with half axes a and b, or the part of it between two turns."""
    turn = 2 * np.pi * np.linspace(start, stop, 25)
    return np.stack([x + a * np.cos(turn), y + b * np.sin(turn)], axis=1)


def limb(x0: float, y0: float, x1: float, y1: float, w0: float, w1: float) -> np.ndarray:
    """A straight limb between two points, w0 wide at the first and w1 at the second."""
    along = np.array([x1 - x0, y1 - y0])
    across = np.array([-along[1], along[0]]) / max(np.hypot(*along), 1e-9)
    ends = np.array([[x0, y0], [x1, y1]])
    halves = across * np.array([[w0], [w1]]) / 2
    return np.concatenate([ends - halves, (ends + halves)[::-1]])


def airplane(rng: Rng) -> list[Part]:  # from above, nose up
    span, sweep, width = rng.uniform(0.65, 0.95), rng.uniform(0.1, 0.4), rng.uniform(0.09, 0.13)
    chord, tail = rng.uniform(0.22, 0.34), rng.uniform(0.28, 0.4)
    root = rng.uniform(-0.25, -0.1)

    def wings(y: float, half: float, chord: float) -> np.ndarray:
        tip = y + sweep * half / span
        end, back = tip + 0.35 * chord, y + chord
        return np.array([[-half, tip], [0, y], [half, tip], [half, end], [0, back], [-half, end]])

    body = np.concatenate([ellipse(0, -0.75, width, 0.25, 0.5, 1), [[0.04, 1], [-0.04, 1]]])
    return [(wings(root, span, chord), 0.1), (wings(0.72, tail, 0.2), -0.1), (body, 0.4)]


def car(rng: Rng) -> list[Part]:  # from the side
    height, roof = rng.uniform(0.26, 0.34), rng.uniform(0.26, 0.36)
    front, back = rng.uniform(0.35, 0.6), rng.uniform(0.5, 0.9)
    wheel = rng.uniform(0.16, 0.2)
    low, top = -height, -height - roof
    cabin = np.array([[-back, low], [-back + 0.22, top], [front - 0.3, top], [front, low]])
    window = cabin * [0.82, 0.86] + [0, -0.03]
    body = np.array([[-1, 0], [-1, low], [front, low], [0.94, low * 0.8], [1, -0.1], [1, 0]])
    wheels = [(ellipse(x, 0, wheel, wheel), -0.8) for x in (-0.58, 0.6)]
    hubs = [(ellipse(x, 0, wheel / 2, wheel / 2), 0.3) for x in (-0.58, 0.6)]
    return [(cabin, 0.1), (window, -0.5), (body, 0.2), *wheels, *hubs]


def bird(rng: Rng) -> list[Part]:  # standing, seen from the side
    plump, lift = rng.uniform(0.3, 0.42), rng.uniform(0.28, 0.5)
    beak, tail, legs = rng.uniform(0.2, 0.34), rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.45)
    x, y = 0.52, -lift
    return [
        (limb(-0.3, 0, -0.5 - tail, rng.uniform(0, 0.25), 0.35, 0.16), -0.3),
        (limb(-0.02, 0.2, -0.05, plump + legs, 0.07, 0.06), -0.5),
        (limb(0.16, 0.2, 0.2, plump + legs, 0.07, 0.06), -0.5),
        (limb(0.3, 0, x, y, 0.45, 0.26), 0.1),
        (ellipse(0, 0, 0.55, plump), 0.1),
        (ellipse(x, y, 0.21, 0.2), 0.2),
        (limb(x + 0.15, y, x + 0.18 + beak, y + 0.04, 0.16, 0.01), -0.6),
        (ellipse(-0.12, -0.02, 0.36, plump * 0.55), -0.2),
    ]


def cat(rng: Rng) -> list[Part]:  # sitting, from the front, its tail to one side
    wide, tall = rng.uniform(0.36, 0.46), rng.uniform(0.5, 0.6)
    head, ear = rng.uniform(0.28, 0.34), rng.uniform(0.22, 0.34)
    up, curl = -tall - 0.5 * head, rng.uniform(0.15, 0.5)
    tip, base = up - head - ear, up - 0.8 * head

    def ears(s: int) -> np.ndarray:
        return np.array([[s * 0.95 * head, up], [s * head, tip], [s * 0.15 * head, base]])

    return [
        (limb(0.2, 0.36, 0.72, 0.36 - curl / 2, 0.16, 0.14), -0.3),
        (limb(0.7, 0.38 - curl / 2, 0.74, -curl, 0.15, 0.08), -0.3),
        (ellipse(0, 0, wide, tall), 0),
        *((ears(side), -0.2) for side in (-1, 1)),
        (ellipse(0, up, head * 1.1, head), 0.2),
        *((ellipse(x, 0.42, 0.15, 0.1), 0.4) for x in (-0.16, 0.16)),
        *((ellipse(x, up - 0.04, 0.05, 0.06), -0.9) for x in (-0.12, 0.12)),
    ]


def sports_ball(rng: Rng) -> list[Part]:  # with a few dark patches
    turn, patches = rng.uniform(0, 1), rng.integers(3, 7)
    angles = 2 * np.pi * (turn + np.arange(patches) / patches)
    rim = [(ellipse(0.62 * np.cos(a), 0.62 * np.sin(a), 0.17, 0.17), -0.6) for a in angles]
    return [(ellipse(0, 0, 1, rng.uniform(0.95, 1)), 0.4), *rim, (ellipse(0, 0, 0.24, 0.24), -0.6)]


def _beast(rng: Rng, legs: float, deep: float) -> list[Part]:  # a body on four legs
    far = [(limb(x, 0, x + rng.uniform(-0.14, 0.14), legs, 0.2, 0.12), -0.5) for x in (-0.5, 0.45)]
    near = [(limb(x, 0, x + rng.uniform(-0.12, 0.12), legs, 0.2, 0.12), 0) for x in (-0.6, 0.58)]
    return [*far, (ellipse(0, -0.05, 0.74, deep), 0.1), *near]


def dog(rng: Rng) -> list[Part]:  # standing, from the side: short neck, hanging ear, tail up
    legs, deep = rng.uniform(0.5, 0.7), rng.uniform(0.24, 0.3)
    x, y, snout = rng.uniform(0.82, 0.95), rng.uniform(-0.55, -0.4), rng.uniform(0.3, 0.42)
    return [
        (limb(-0.65, -0.15, rng.uniform(-1.05, -0.8), rng.uniform(-0.8, -0.5), 0.14, 0.07), -0.2),
        *_beast(rng, legs, deep),
        (limb(0.5, -0.1, x, y, 0.42, 0.34), 0.1),
        (ellipse(x, y, 0.25, 0.22), 0.2),
        (limb(x + 0.1, y + 0.04, x + 0.1 + snout, y + 0.1, 0.26, 0.16), 0.3),
        (limb(x - 0.1, y - 0.14, x - 0.16, y + 0.3, 0.2, 0.14), -0.5),
    ]


def horse(rng: Rng) -> list[Part]:  # from the side: long legs, long raised neck, mane, tail down
    legs, deep = rng.uniform(0.95, 1.15), rng.uniform(0.28, 0.34)
    x, y = rng.uniform(0.95, 1.1), rng.uniform(-1.0, -0.8)
    return [
        (limb(-0.68, -0.15, -0.9, rng.uniform(0.4, 0.7), 0.14, 0.2), -0.6),
        *_beast(rng, legs, deep),
        (limb(0.38, -0.2, x - 0.08, y - 0.06, 0.3, 0.24), -0.6),
        (limb(0.52, -0.05, x, y, 0.46, 0.24), 0.1),
        (limb(x - 0.08, y, x + 0.36, y + 0.32, 0.26, 0.17), 0.2),
        (np.array([[x - 0.12, y - 0.06], [x - 0.06, y - 0.3], [x + 0.05, y - 0.08]]), 0),
    ]


def bowl(rng: Rng) -> list[Part]:  # a little from above, with its dark inside and a foot
    depth, rim, foot = rng.uniform(0.6, 0.85), rng.uniform(0.14, 0.3), rng.uniform(0.3, 0.5)
    base = limb(0, depth * 0.85, 0, depth + 0.1, foot * 1.7, foot * 2)
    side, opening = ellipse(0, 0, 1, depth, 0, 0.5), ellipse(0, 0, 1, rim)
    return [(base, -0.3), (side, 0.1), (opening, 0.5), (ellipse(0, 0.02, 0.88, rim * 0.75), -0.5)]


def boat(rng: Rng) -> list[Part]:  # a sailing boat from the side
    deep, high = rng.uniform(0.26, 0.36), rng.uniform(1.2, 1.7)
    mast, boom, jib = rng.uniform(-0.1, 0.15), rng.uniform(0.55, 0.75), rng.uniform(0.45, 0.7)
    return [
        (limb(mast, 0.05, mast, -high - 0.1, 0.07, 0.05), -0.7),
        (np.array([[mast - 0.05, -high], [mast - 0.05, -0.14], [mast - boom, -0.14]]), 0.7),
        (np.array([[mast + 0.07, -0.9 * high], [mast + jib, -0.12], [mast + 0.07, -0.12]]), 0.5),
        (np.array([[-0.95, 0], [1, -0.04], [0.68, deep], [-0.75, deep]]), -0.3),
    ]


def truck(rng: Rng) -> list[Part]:  # from the side: a tall box, a lower cab, three wheels
    box, cab = rng.uniform(0.75, 0.95), rng.uniform(0.5, 0.68)
    split, wheel = rng.uniform(0.3, 0.45), rng.uniform(0.14, 0.18)
    back, half, high = split + 0.04, -0.5 * cab, -0.86 * cab
    frame = np.array([[-0.98, 0.02], [-0.98, -0.1], [1, -0.1], [1, 0.02]])
    load = np.array([[-1, -0.08], [-1, -box], [split, -box], [split, -0.08]])
    nose = np.array([[back, 0], [back, -cab], [0.86, -cab], [1, half], [1.02, 0]])
    window = np.array([[0.68, half], [0.68, high], [0.84, high], [0.95, half]])
    wheels = [(ellipse(x, 0.02, wheel, wheel), -0.8) for x in (-0.72, -0.36, 0.68)]
    return [(frame, -0.6), (load, 0.3), (nose, 0), (window, -0.6), *wheels]


# In the order of the deck's ten classes.
SILHOUETTES: tuple[Callable[[Rng], list[Part]], ...] = (
    airplane, car, bird, cat, sports_ball, dog, bowl, horse, boat, truck
)  # fmt: skip
