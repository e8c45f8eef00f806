"""What the tests of plots share: small data, every figure drawn from it, and eyes of all kinds."""

import itertools
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB
VISION = {
    "full": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
RGB_TO_XYZ = [[0.4339, 0.3763, 0.1899], [0.2127, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]]


def lab(colour, vision):
    """CIE Lab of a colour as seen with one kind of vision."""
    c = np.array(to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = np.array(RGB_TO_XYZ) @ np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def faults(fig, smallest=9) -> list[str]:
    """What is wrong with the texts of a figure: too small, cut off, or on top of each other.

    Tick labels beyond the axes are not drawn, so they do not count.
    """
    texts, draw = {}, Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text().strip():
            texts[text] = None
        draw(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        fig.draw_without_rendering()
    page, boxes = fig.bbox, {text: text.get_window_extent() for text in texts}
    found = [f"too small: {text}" for text in texts if text.get_fontsize() < smallest]
    for text, box in boxes.items():
        whole = page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1
        if not (whole and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1):
            found.append(f"cut off: {text}")
    for (a, of_a), (b, of_b) in itertools.combinations(boxes.items(), 2):
        width = min(of_a.x1, of_b.x1) - max(of_a.x0, of_b.x0)
        height = min(of_a.y1, of_b.y1) - max(of_a.y0, of_b.y0)
        if width >= 2 and height >= 2:
            found.append(f"overlapping: {a} and {b}")
    return found


def bounds(text):
    """The numbers of "value [low, high]"."""
    numbers = re.findall(r"[+-]?\d+\.\d+", text.replace("\N{MINUS SIGN}", "-"))
    return [float(number) for number in numbers]


def contains(text, value=0.0):
    _, low, high = bounds(text)
    return low <= value <= high
