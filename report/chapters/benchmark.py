"""Chapter 5, the tables: do the printed means come out again, and is OCGAN ahead of the others?"""

import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import mean_ranks, wilcoxon_over_classes
from report import tables
from report.drawing import COLOURS, forest, interval, panels, signed
from report.source import no_record, plain
from report.tables import TITLES, Results, cells_of, means, once

REFERENCE = "ocgan"  # the method that the deck sets above the others
OTHER_SCORE = "gan"  # the printed row of this name searches for a code, ours does not
LIMITS = {"mnist": (0.79, 0.99), "cifar10": (0.525, 0.685)}  # of a figure of means

LARGER = "ocgan+epochs=60+width=64"
# of the official release: networks, size of the code, noise, dropout, rate, batch and epochs
RELEASE = {
    dataset: f"ocgan+batch_size=512+dropout=0.5+epochs=201+latent_dim={size}+learning_rate=0.0002"
    "+noise=0.2+variant=official61+width=64"
    for dataset, size in (("mnist", 16), ("cifar10", 512))
}
CELLS = (
    *cells_of("cifar10", [LARGER], tables.class_names("cifar10"), range(3)),
    *cells_of("mnist", [LARGER], tables.class_names("mnist"), range(2)),
    *cells_of("mnist", [RELEASE["mnist"]], ["2", "8"], [0]),  # hours each on a CPU
    *cells_of("cifar10", [RELEASE["cifar10"]], ["airplane", "truck"], [0]),
)


@once
def read() -> dict[str, Results]:
    """What is recorded of both tables, by data set; NoRecords if nothing is."""
    every = {name: tables.results(name, tables.DECKS) for name in TITLES}
    if all(found.cells.empty for found in every.values()):
        raise no_record("mnist/ocgan/8/0")
    return every


def against_all(found: Results) -> pd.DataFrame:
    """OCGAN against every other complete method, class by class: `wilcoxon_over_classes`."""
    return wilcoxon_over_classes(found.ours.dropna(), REFERENCE)


def beaten(compared: pd.DataFrame) -> int:
    """How many others OCGAN beats by Wilcoxon's test over classes after Holm's correction."""
    return int(((compared["mean_difference"] > 0) & (compared["p_holm"] < 0.05)).sum())


def numbers() -> dict[str, object]:
    """Every number of this chapter's sentences, by its name on the page."""
    found = {"attention-p-mnist": against_all(read()["mnist"]).loc["attention-gan", "p_holm"]}
    for name, results in read().items():
        table, ocgan = means(results), results.ours.loc[REFERENCE]
        short = results.published.loc[REFERENCE] - ocgan
        rows = table.dropna(subset=["published", "low"]).drop(index=OTHER_SCORE)
        inside = rows["published"].between(rows["low"], rows["high"])
        ours, printed = against_all(results), wilcoxon_over_classes(results.published, REFERENCE)
        values = {
            "printed-ocgan": table.loc[REFERENCE, "published"],
            "methods": len(results.ours.dropna()),
            "compared": len(inside),
            "inside": int(inside.sum()),
            "friedman": mean_ranks(results.ours.dropna())[1],
            "ours-others": len(ours),
            "ours-beaten": beaten(ours),
            "printed-others": len(printed),
            "printed-beaten": beaten(printed),
            "gap": short.mean(),
            "widest-share": f"{100 * short.max() / short.sum():.0f} %",
            "below-chance": int((ocgan < 0.5).sum()),
        }
        values |= {m: interval(*row) for m, row in table[["mean", "low", "high"]].iterrows()}
        for key, variant in {"larger": LARGER, "release": RELEASE[name]}.items():
            changed = tables.read_runs(f"{name}/{variant}/*")
            values[key] = signed(*tables.gain(changed, results.runs[REFERENCE]))
        values["released"] = interval(*tables.mean_of(changed))
        classes = [run.normal_class for run in changed]
        values["printed-released"] = results.published.loc[REFERENCE].iloc[classes].mean()
        found |= {f"{key}-{name}": value for key, value in values.items()}
    return plain(found)


def means_figure() -> Figure:
    """Our means with intervals, and the printed means."""
    title = "Few printed means come out again, and on CIFAR-10 none"
    fig, axes = panels(title, 4.3, TITLES.values())
    for ax, (name, found) in zip(axes, read().items(), strict=True):
        rows = means(found).reindex(list(tables.DECKS)).rename(tables.METHODS)
        rows = rows.rename(columns={"mean": "value", "published": "printed"})
        forest(ax, rows, zero=None)
        ax.set(xlabel="mean AUROC over ten classes", xlim=LIMITS[name])
        ax.locator_params(axis="x", nbins=5)
        for y, row in enumerate(rows[::-1].itertuples()):
            if max(row.printed, row.value) < LIMITS[name][0]:
                text = f"printed {row.printed:.3f}, ours {row.value:.3f}"
                at = {"transform": ax.get_yaxis_transform(), "color": COLOURS["control"]}
                ax.text(0.02, y, text, va="center", bbox={"color": "white", "pad": 1}, **at)
    fig.supxlabel("◇ printed   ● ours, 95 % interval", fontsize=9.5)
    return fig


FIGURES = {"benchmark-means": means_figure}
