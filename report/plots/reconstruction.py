"""Figures of chapter 3: what is redrawn, what random codes draw, and the size of the code."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import Bbox

from ocnd_lib.stats import seed_interval
from report.drawing import COLOURS, WIDTH


def show_image(ax: Axes, image: np.ndarray) -> None:
    """Draw a uint8 image (C, H, W), grey or in colour, without ticks."""
    ax.imshow(np.moveaxis(image, 0, -1).squeeze(), cmap="gray_r", vmin=0, vmax=255)
    ax.set(xticks=[], yticks=[])


def redrawn(given: np.ndarray, rows: Mapping[str, np.ndarray], novel: np.ndarray) -> Figure:
    """Images as several models redraw them; under each, its mean squared error in [-1, 1].

    `given` uint8 (n, C, H, W) is the first row, `rows` maps labels to arrays like it; `novel` (n,)
    in {0, 1} colours the frames.
    """
    fig = Figure(figsize=(WIDTH, 0.85 + 0.86 * len(rows)))
    axes = fig.subplots(1 + len(rows), len(given), squeeze=False)
    for line, (label, images) in zip(axes, {"given": given, **rows}.items(), strict=True):
        for ax, image, original, is_novel in zip(line, images, given, novel, strict=True):
            show_image(ax, image)
            ax.spines[:].set(visible=True, color=COLOURS["novel" if is_novel else "normal"], lw=1.6)
            if label != "given":
                error = np.square((image - original.astype(float)) / 127.5).mean()
                ax.set_xlabel(f"{error:.3f}", labelpad=2, fontsize=9)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    for k, name in enumerate(("normal", "novel")):
        first = np.flatnonzero(np.asarray(novel) == k)[:1]
        for column in first:
            axes[0, column].set_title(name, color=COLOURS[name], loc="left")
    return fig


def latent_sweep(table: pd.DataFrame) -> Figure:
    """Errors of normal and novel images, and AUROC, against the size of the code.

    Columns: latent_dim, seed, normal and novel (mean squared errors of test images), auroc, and
    perhaps validation (the AUROC on generated novelties). Lines: means over seeds, bars: Student's
    95 % interval where there are several; small dots: seeds.
    """
    fig = Figure(figsize=(WIDTH, 3.3))
    errors, areas = fig.subplots(1, 2)
    lines = {
        "novel": (errors, "novel", "novel"),
        "normal": (errors, "normal", "normal"),
        "auroc": (areas, "auroc", "test images"),
        "validation": (areas, "validation", "generated novelties"),
    }
    for column, (ax, colour, label) in lines.items():
        if column not in table:
            continue
        sizes = sorted(table["latent_dim"].unique())
        seeds = [table.loc[table["latent_dim"] == size, column] for size in sizes]
        mean, low, high = np.array([seed_interval(values) for values in seeds]).T
        marker = "o" if ax is errors else "s"
        shift = 1.0 if column in ("novel", "auroc") else 1.07  # so that no bar hides another
        sizes = [shift * size for size in sizes]
        ax.plot(sizes, mean, marker=marker, color=COLOURS[colour], label=label)
        if max(map(len, seeds)) > 1:
            if ax is errors:
                low = np.maximum(low, mean / 10)  # a logarithmic axis has no place for less than 0
            ax.vlines(sizes, low, np.minimum(high, 1), color=COLOURS[colour], lw=1)
            ax.plot(
                shift * table["latent_dim"],
                table[column],
                ".",
                ms=3,
                color=COLOURS[colour],
                alpha=0.6,
            )
    sizes = sorted(table["latent_dim"].unique())
    for ax in (errors, areas):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [f"{size}" for size in sizes])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("size of the code")
        ax.grid()
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    errors.set_yscale("log")
    errors.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    errors.yaxis.set_major_formatter("{x:g}")
    errors.yaxis.set_minor_locator(NullLocator())
    low, high = areas.get_ylim()  # so wide that a difference of no account looks like one
    high = min(high + 0.002, 1.004)
    areas.set_ylim(min(low, high - 0.05), high)
    errors.set(title="error of test images", ylabel="mean squared error")
    areas.set(title="telling novel from normal images", ylabel="AUROC")
    return fig


def random_decodes(grids: Mapping[str, np.ndarray]) -> Figure:
    """A square of images of random codes for each model: title → uint8 (n, C, H, W)."""
    fig = Figure(figsize=(WIDTH, 0.3 + WIDTH / max(3, len(grids))))
    axes = fig.subplots(1, max(3, len(grids)))
    for ax in axes[len(grids) :]:
        ax.set_axis_off()
    for ax, (title, images) in zip(axes, grids.items(), strict=False):
        side = int(np.sqrt(len(images)))
        n, c, h, w = images[: side * side].shape
        mosaic = images[:n].reshape(side, side, c, h, w).transpose(2, 0, 3, 1, 4)
        show_image(ax, mosaic.reshape(c, side * h, side * w))
        ax.set_title(title)
        ax.spines[:].set_visible(False)
    return fig


def nearest_distances(distances: Mapping[str, np.ndarray], limit: float) -> Figure:
    """Distances of several kinds of images to the nearest normal training image, as dots.

    `distances` maps a label to (n,); a vertical bar is the median, the band ends at `limit`.
    """
    fig = Figure(figsize=(WIDTH, 0.8 + 0.42 * len(distances)))
    ax = fig.subplots()
    ax.axvspan(0, limit, color=COLOURS["unused"], alpha=0.6, lw=0)
    rng = np.random.default_rng(0)
    roles = {"normal images": "normal", "novel images": "novel"}
    for row, (label, values) in enumerate(distances.items()):
        colour = next((COLOURS[c] for start, c in roles.items() if start in label), COLOURS["ink"])
        shaken = row + rng.uniform(-0.27, 0.27, len(values))
        ax.plot(values, shaken, ".", ms=4, color=colour, alpha=0.5)
        ax.vlines(np.median(values), row - 0.38, row + 0.38, color=colour, lw=2.5)
    ax.set_yticks(range(len(distances)), list(distances))
    ax.set(ylim=(len(distances) - 0.5, -0.5), xlim=(0, None))
    ax.set_xlabel("distance to the nearest normal training image")
    ax.grid(axis="x")
    return fig


# where a name may stand beside its dot: the offset in points, horizontal and vertical alignment
PLACES = (
    *(((5, 0), "left", "center"), ((-5, 0), "right", "center")),
    *(((0, 5), "center", "bottom"), ((0, -5), "center", "top")),
    *(((3, 4), "left", "bottom"), ((-3, 4), "right", "bottom")),
    *(((3, -4), "left", "top"), ((-3, -4), "right", "top")),
    *(((8, -9), "left", "top"), ((-8, 9), "right", "bottom")),  # and farther off
    *(((8, 9), "left", "bottom"), ((-8, -9), "right", "top")),
)


def auroc_against_detail(panels: Mapping[str, tuple[pd.DataFrame, str]]) -> Figure:
    """AUROCs of classes against those of detail alone; a dot a class, with its name beside it.

    `panels` maps a title to a table, index classes, with `detail` and one more column, and to a
    line to write below. Grey lines: the diagonal, and a half, which is chance. Rows with NaN are
    left out.
    """
    rows = -(-len(panels) // 2)
    fig = Figure(figsize=(WIDTH, 0.4 + 2.6 * rows))
    axes = fig.subplots(rows, 2, squeeze=False)
    for ax, (title, (table, below)) in zip(axes.flat, panels.items(), strict=False):
        points = table.dropna().to_numpy()
        ends = np.array([min(0.15, points.min(initial=1)), 1.04])
        for line in (ends, (0.5, 0.5)):
            ax.plot(ends, line, color=COLOURS["unused"], lw=1, zorder=0)
        ax.plot(*points.T, "o", ms=5, color=COLOURS["ink"])
        ax.text(0.98, 0.04, below, transform=ax.transAxes, ha="right")
        ax.set(
            title=title,
            xlim=ends,
            ylim=ends,
            xlabel="AUROC of detail alone",
            ylabel="AUROC of OCGAN",
        )
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    fig.draw_without_rendering()  # names are placed where the layout has put the dots
    for ax, (table, _) in zip(axes.flat, panels.values(), strict=False):
        _name_dots(ax, table.dropna())
    return fig


def _name_dots(ax: Axes, points: pd.DataFrame) -> None:
    """Write the name of each dot where it meets no other name and no dot, if that can be."""
    taken = [
        Bbox.from_extents(x - 4, y - 4, x + 4, y + 4)
        for x, y in ax.transData.transform(points.to_numpy())
    ]
    taken += [text.get_window_extent() for text in ax.texts]
    for name, point in zip(points.index, points.to_numpy(), strict=True):
        name_of = ax.annotate(name, point, (0, 0), textcoords="offset points", fontsize=9)
        name_of.set_in_layout(False)
        for offset, ha, va in PLACES:
            name_of.set(position=offset, ha=ha, va=va)
            box = name_of.get_window_extent()
            inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
            if inside and not box.padded(1).count_overlaps(taken):
                break
        taken.append(box)
