"""Chapter 5: what others got who ran the methods again, what this book set out to reach, and why
where it did not."""

from html import escape

import numpy as np
import pandas as pd
from IPython.display import HTML

from ocnd_lib.comparison import REPEATS, average_runs, mean_interval
from report import tables
from report.figures.benchmark import TITLES, IndexedRun, Results, in_words
from report.figures.source import PUBLISHED

RERUNS = PUBLISHED / "reruns.csv"

# the least mean that this book set out to reach: at or below what is printed, since public re-runs
# fall short of it; fixed when no row was complete, but trials on a few digits were known
GOALS = {
    ("mnist", "vae"): 0.955,
    ("mnist", "and"): 0.93,
    ("mnist", "anogan"): 0.89,
    ("mnist", "f-anogan"): 0.89,
    ("mnist", "deep-svdd"): 0.93,
    ("mnist", "ocgan"): 0.96,
    ("cifar10", "deep-svdd"): 0.60,
    ("cifar10", "ocgan"): 0.60,
}
# what explains a goal that was missed; a test asks for one wherever that is so
WHY = {
    ("mnist", "deep-svdd"): (
        "Not known. It trains for a fifth of the paper's epochs at five times its rate, but "
        "neither twice as many nor its rate with 50 epochs was better by generated novelties on "
        "digits 2, 5 and 8, one seed (see the choices at the end)."
    ),
    ("mnist", "ocgan"): (
        "Missed by 0.0002; the goal lies inside the interval. What lacks most beside the published "
        "row is the 8, whose error follows the amount of ink. In units of detail, below, which is "
        "another score, the mean is above the goal."
    ),
    ("cifar10", "ocgan"): (
        "Its error follows how much fine detail a picture has more than what class it is of: "
        "chapter 3 shows it beside a score that learns nothing. The plain autoencoder is slightly "
        "better, see the table above, and a user with the paper's settings got nearly the same "
        "mean. What the error is worth in units of that detail, and what networks as large as the "
        "release's are worth on two classes, is shown below."
    ),
}


def reruns_page(every: dict[str, Results]) -> HTML:
    """Published AUROCs, those of people who ran a method again and said so in public, and ours."""
    rows = []
    for row in pd.read_csv(RERUNS, keep_default_na=False).itertuples():
        dataset, method, name, auroc, setting, source = row[1:]
        printed = tables.load_published(dataset).loc[method, name or "mean"]
        classes = every[dataset].ours.loc[method]
        ours = classes[name] if name else classes.mean(skipna=False)
        rows.append(
            {
                "data set": TITLES[dataset],
                "method": tables.METHODS[method],
                "classes": name or "all, mean",
                "published": f"{float(printed):.4f}",
                "run again": f"{auroc:.4f}",
                "by": f'<a href="{source}">{escape(setting)}</a>',
                "ours": "" if np.isnan(ours) else f"{ours:.4f}",
            }
        )
    return HTML(pd.DataFrame(rows).to_html(border=0, index=False, escape=False))


def goals_table(averages: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a goal, from `means` of each data set: goal, mean, reached.

    `yes` if our interval lies above the goal, `by the mean` if only our mean does, `no`, `not run`.
    """
    rows = {}
    for (dataset, method), goal in GOALS.items():
        mean, low = averages[dataset].loc[method, ["mean", "low"]]
        reached = "not run" if np.isnan(mean) else "no" if mean < goal else "by the mean"
        rows[dataset, method] = {
            "goal": goal,
            "mean": mean,
            "reached": "yes" if low >= goal else reached,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


TRIED = ("2", "5", "8")  # of MNIST: on these the rule of choice and most settings were found


def on_other_digits(
    found: Results, method: str = "ocgan", runs: list[IndexedRun] | None = None
) -> str:
    """Ours, with its interval, and the published mean over the digits other than `TRIED`, in words.

    `runs` are those of the method, unless others are given.
    """
    others = [name for name in found.names if name not in TRIED]
    runs = found.runs.get(method, []) if runs is None else runs
    runs = [run for run in runs if found.names[run.normal_class] in others]
    text = "not complete"
    if {run.normal_class for run in runs} == {found.names.index(name) for name in others}:
        low, high = mean_interval(runs, repeats=REPEATS)
        text = f"{average_runs(runs).mean:.4f} [{low:.4f}, {high:.4f}]"
    return f"{text}, published {found.published.loc[method][others].mean():.4f}"


def goals_page(averages: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """`goals_table` for a page, with what explains a goal that was missed."""
    rows = {}
    for (dataset, method), row in goals_table(averages).iterrows():
        rows[TITLES[dataset], tables.METHODS[method]] = {
            "at least": f"{row['goal']:.3f}",
            "ours": in_words(averages[dataset].loc[method]),
            "reached": row["reached"],
            "why not": WHY.get((dataset, method), "") if row["reached"] == "no" else "",
        }
    return pd.DataFrame.from_dict(rows, orient="index")
