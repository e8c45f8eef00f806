"""Ten kinds of textured backgrounds: what stands behind the objects of the generated scenes."""

from functools import partial

import numpy as np
from PIL import Image

Rng = np.random.Generator


def smooth_noise(rng: Rng, height: int, width: int, x: float, y: float) -> np.ndarray:
    """Noise in [0, 1] whose features are about x pixels wide and y high."""
    shape = int(height / y) + 3, int(width / x) + 3
    grid = Image.fromarray(rng.random(shape, np.float32))
    box = (1, 1, 1 + width / x, 1 + height / y)
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC, box))


def pattern(kind: str, rng: Rng, h: int, w: int) -> np.ndarray:
    """One of the ten kinds (h, w), about 0 to 1, between a dark and a light colour."""
    noise = partial(smooth_noise, rng, h, w)

    def places() -> tuple[np.ndarray, np.ndarray]:
        y, x = rng.uniform(0, 100, 2)  # a random start
        return y + np.arange(h)[:, None], x + np.arange(w)[None]

    match kind:
        case "sky":  # clouds, brighter towards the horizon
            clouds = 0.7 * noise(60, 30) + 0.3 * noise(18, 10)
            return np.clip(2.2 * (clouds - 0.4), 0, 1) * 0.8 + 0.2 * np.linspace(0, 1, h)[:, None]
        case "street":  # asphalt with a broken white line
            y, x = places()
            grain = 0.3 * rng.random((h, w), np.float32) + 0.1 * noise(40, 40)
            return np.where((y % 70 < 6) & (x % 60 < 38), 1, grain)
        case "leaves":  # blots of light and dark
            blots = noise(9, 9)
            return np.where(blots > 0.5, 0.75, 0.1) + 0.25 * noise(4, 4)
        case "carpet":  # a woven cloth with a diamond pattern
            y, x = places()
            period = rng.uniform(16, 22)
            diamonds = np.cos(2 * np.pi * (x + y) / period) * np.cos(2 * np.pi * (x - y) / period)
            return 0.5 + 0.4 * diamonds + 0.15 * (noise(2, 2) - 0.5)
        case "lawn":  # blades of grass, mown in broad stripes
            _, x = places()
            return 0.7 * noise(2.5, 12) + 0.3 * (x % 60 < 30)
        case "bricks":  # a wall of bricks in dark mortar
            y, x = places()
            row = (y // 14).astype(int)
            column = (x + 15 * (row % 2)) // 30
            shade = 0.5 + 0.35 * np.sin(12.9 * row + 78.2 * column)
            mortar = (y % 14 < 2) | ((x + 15 * (row % 2)) % 30 < 2)
            return np.where(mortar, 0, 0.3 + 0.6 * shade) + 0.15 * rng.random((h, w), np.float32)
        case "wood":  # boards with long grain
            y, _ = places()
            grain = np.sin(0.5 * y + 9 * noise(90, 20))
            fibre = noise(40, 1.5)
            return np.where(y % 36 < 1.5, 0, 0.35 + 0.25 * grain + 0.4 * fibre)
        case "straw":  # stalks that cross one another
            y, x = places()
            bend = 8 * noise(30, 30)
            stalks = np.maximum(np.sin(0.8 * x + 0.5 * y + bend), np.sin(0.7 * x - 0.6 * y - bend))
            return 0.3 + 0.6 * stalks**3 * (stalks > 0) + 0.2 * noise(5, 5)
        case "water":  # waves, one behind the other
            y, _ = places()
            wave = np.sin(0.55 * y + 7 * noise(45, 25))
            return 0.4 + 0.35 * wave + 0.25 * noise(14, 3)
        case "gravel":  # stones of a few pixels, each of its shade
            stones = noise(5, 5)
            return np.floor(6 * stones) / 6 * 0.8 + 0.35 * (rng.random((h, w), np.float32) - 0.3)


# Each with the two colours between which its pattern lies; in the order of the deck's ten classes,
# whose own background each is: an airplane's is the sky.
TEXTURES: tuple[tuple[str, tuple, tuple], ...] = (
    ("sky", (70, 130, 205), (240, 244, 250)),
    ("street", (55, 57, 62), (225, 222, 210)),
    ("leaves", (18, 60, 22), (130, 180, 70)),
    ("carpet", (110, 25, 40), (215, 170, 120)),
    ("lawn", (35, 105, 30), (120, 190, 80)),
    ("bricks", (95, 90, 85), (205, 110, 75)),
    ("wood", (85, 48, 22), (200, 145, 85)),
    ("straw", (120, 95, 35), (240, 215, 130)),
    ("water", (12, 60, 100), (120, 190, 205)),
    ("gravel", (85, 82, 78), (200, 198, 192)),
)


def background(kind: int, rng: Rng, height: int, width: int) -> np.ndarray:
    """Paint one of the ten kinds: float32 (height, width, 3), in [0, 255]."""
    name, dark, light = TEXTURES[kind]
    dark, light = (np.array(colour) + rng.normal(0, 12, 3) for colour in (dark, light))
    amount = np.clip(pattern(name, rng, height, width), 0, 1)[..., None].astype(np.float32)
    picture = dark.astype(np.float32) + amount * (light - dark).astype(np.float32)
    return np.clip(picture, 0, 255)
