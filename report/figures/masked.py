"""Chapter 6: what its figures and tables take from networks trained on crops."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from ocnd_lib.background import SHOWN, VERSIONS
from ocnd_lib.comparison import mcnemar, mean_over_runs
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import read_arrays, read_record
from ocnd_lib.stats import seed_interval
from report import plots
from report.figures.source import NoRecords, published_claim

DATASETS = {"scenes": "generated scenes", "mnist_on_cifar": "digits on CIFAR-10"}
COCO = "coco10"  # whatever part of it is there
RECORDED = (*DATASETS, COCO)
SEEDS = range(5)  # of the two arms
CONTROL_SEEDS = range(3)
PAIR = ("masked", "original")
# controls that keep the object, and those without it. Of the generated sets one network of each of
# the latter: outlines alone tell the scenes' classes, and no picture behind a digit tells any
FILLED, WITHOUT_OBJECT = ("mean-fill", "centre"), ("background", "silhouette")
CONTROLS = (*FILLED, *WITHOUT_OBJECT)
CORRELATIONS = (0, 0.5, 1)
NO_RECORD = "no record yet"
SETTINGS = {COCO: {"batch_size": 16, "epochs": 60}}  # few crops: as many steps need more epochs


def cell(dataset: str, arm: str, seed: int, correlation: float = 0.5) -> str:
    """The cell of one network; scenes have a background correlation, by default one half."""
    settings = dict(SETTINGS.get(dataset, {}))
    if correlation != 0.5:
        settings["background_correlation"] = correlation
    variant = "+".join([f"vgg11-{arm}", *(f"{k}={v}" for k, v in sorted(settings.items()))])
    return f"{dataset}/{variant}/all/{seed}"


# the deck's two arms first, then the rest seed by seed, so that a sweep may stop anywhere
PAIR_CELLS = tuple(cell(d, arm, seed) for seed in SEEDS for d in DATASETS for arm in PAIR)
# apart, since not everybody has the files
COCO_CELLS = tuple(
    cell(COCO, arm, seed)
    for arms, seeds in ((PAIR, SEEDS), (CONTROLS, CONTROL_SEEDS))
    for seed in seeds
    for arm in arms
)
CONTROL_CELLS = tuple(
    made
    for seed in CONTROL_SEEDS
    for made in (
        *(cell(d, arm, seed) for d in DATASETS for arm in FILLED),
        *(cell(d, arm, seed) for d in DATASETS for arm in WITHOUT_OBJECT if not seed),
        *(cell("scenes", "original", seed, c) for c in CORRELATIONS if c != 0.5),
    )
)
CELLS = (*PAIR_CELLS, *COCO_CELLS, *CONTROL_CELLS)


@dataclass(frozen=True, eq=False)
class Trained:
    """A network trained on one version of the crops: its record, and what it says of all."""

    record: dict
    arrays: dict[str, np.ndarray]

    def right(self, version: str) -> np.ndarray:
        """Whether each test crop, shown in a version, was put into its class: (N,) bool."""
        return self.arrays[f"predicted_{version}"] == self.arrays["y_test"]


Seeds = Mapping[int, Trained]  # one arm: seed → network


def recorded(
    dataset: str,
    arms: Iterable[str] = VERSIONS,
    correlation: float = 0.5,
    folder: Path | None = None,
) -> dict[str, dict[int, Trained]]:
    """What is recorded of a data set: arm → seed → network; arms without a record are left out.

    NoRecords if that is all of them, or if two were tested on other crops.
    """
    found: dict[str, dict[int, Trained]] = {}
    for arm in arms:
        for seed in SEEDS:
            name = cell(dataset, arm, seed, correlation)
            if record := read_record(name, folder):
                found.setdefault(arm, {})[seed] = Trained(record, read_arrays(name, folder))
    if not found:
        first = cell(dataset, next(iter(arms)), 0, correlation)
        raise NoRecords(f"no record yet; make one with: ocnd run {first}")
    runs = [run for seeds in found.values() for run in seeds.values()]
    crops = {run.record["data_fingerprint"] for run in runs}
    if len({ROUNDED.get(fingerprint, fingerprint) for fingerprint in crops}) > 1:
        raise NoRecords(
            f"the records of {dataset} are of different crops and cannot be compared; remove those "
            "made from another set, and run their cells again"
        )
    return found


def title(dataset: str, arms: Mapping[str, Seeds]) -> str:
    """What a data set is called on the page; of COCO, how many objects, and what guessing gets."""
    if dataset in DATASETS:
        return DATASETS[dataset]
    record = next(iter(next(iter(arms.values())).values())).record
    test = record["test_counts"]
    most = max(test) / sum(test)
    return f"COCO, {sum(record['train_counts']) + sum(test)} objects, largest class {most:.0%}"


# --- two arms, seed by seed ----------------------------------------------------------------------

EPOCHS = "epochs_to_80_train"


def accuracy_gain(a: tuple[Seeds, str], b: tuple[Seeds, str]) -> tuple[float, float, float]:
    """Test accuracy of arm `a` minus that of `b`, over the seeds both have: (value, low, high).

    Each is (networks, the version they are shown). The interval is over seeds and test crops; all
    are NaN if there is no common seed.
    """
    common = sorted(a[0].keys() & b[0].keys())
    if not common:
        return (float("nan"),) * 3
    right = [np.stack([arm[s].right(version) for s in common]) for arm, version in (a, b)]
    return mean_over_runs(right[0].astype(float) - right[1])


def epochs_saved(arms: Mapping[str, Seeds], key: str = EPOCHS) -> np.ndarray:
    """Epochs to 80 %, original minus masked, of the seeds that both have: (n,).

    An arm that never came so far counts as if it had in the epoch after the last, which is the
    least that it would need.
    """

    def needed(run: Trained) -> int:
        return run.record["metrics"][key] or len(run.record["curves"]) + 1

    return np.array(
        [needed(arms["original"][s]) - needed(arms["masked"][s]) for s in shared(arms)], float
    )


def shared(arms: Mapping[str, Seeds]) -> list[int]:
    """The seeds that both of the deck's arms have, in order."""
    return sorted(arms.get("original", {}).keys() & arms.get("masked", {}).keys())


def in_pairs(arms: Mapping[str, Seeds]) -> dict[str, dict[int, Trained]]:
    """The deck's two arms, with the seeds that both have."""
    return {arm: {seed: arms[arm][seed] for seed in shared(arms)} for arm in PAIR}


def paired_table(arms: Mapping[str, Seeds]) -> pd.DataFrame:
    """For a page: both arms on the same test crops, a row a seed, each with McNemar's exact p.

    With several seeds a last row has the means and the p of a paired t test over them.
    """
    rows, accuracies = {}, []
    for seed in shared(arms):
        right = {arm: arms[arm][seed].right(arm) for arm in PAIR}
        test = mcnemar(right["masked"], right["original"])
        accuracies.append([right[arm].mean() for arm in PAIR])
        rows[f"seed {seed}"] = {
            **{arm: f"{right[arm].mean():.1%}" for arm in PAIR},
            "only masked right": str(test.only_a),
            "only original right": str(test.only_b),
            "p": f"{p_text(test.p)} (McNemar)",
        }
    if len(accuracies) > 1:
        table = np.array(accuracies)
        means = dict(zip(PAIR, (f"{mean:.1%}" for mean in table.mean(0)), strict=True))
        p = paired_p(table[:, 0] - table[:, 1])
        rows["mean"] = {**means, "p": f"{p_text(p)} (paired t)"}
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def paired_p(differences: np.ndarray) -> float:
    """Two-sided p of a t test that the mean difference over seeds is 0; 1 if none differs."""
    if not np.any(differences):
        return 1.0
    if np.ptp(differences) == 0:
        return 0.0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def p_text(p: float) -> str:
    """A p value as a page has it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


# --- tables --------------------------------------------------------------------------------------


def arm_table(arms: Mapping[str, Seeds]) -> pd.DataFrame:
    """Test accuracy of each arm on its own version: mean, low, high, values (a list by seed)."""
    rows = {}
    for arm in (name for name in VERSIONS if name in arms):
        right = np.stack([run.right(arm) for run in arms[arm].values()])
        mean, low, high = mean_over_runs(right)
        low, high = max(low, 0.0), min(high, 1.0)
        rows[arm] = {"mean": mean, "low": low, "high": high, "values": right.mean(1).tolist()}
    return pd.DataFrame.from_dict(rows, orient="index")


def crossed_table(arms: Mapping[str, Seeds], tested: Iterable[str] = SHOWN) -> pd.DataFrame:
    """Mean test accuracy: a row for what was trained on, a column for what is shown."""
    return pd.DataFrame(
        {
            version: {
                arm: np.mean([run.right(version).mean() for run in arms[arm].values()])
                for arm in VERSIONS
                if arm in arms
            }
            for version in tested
        }
    )


def deck_counts() -> pd.DataFrame:
    """For a page: the nearest accuracies to the deck's that so many crops can give, in percent.

    A row a count of crops; `possible` says whether one of them is printed so with three decimals,
    rounded or cut off.
    """
    rows = {}
    for name, count in {"test crops": 500, "training crops": 5000, "all crops": 5500}.items():
        row = {}
        for arm in PAIR:
            printed = published_claim(f"{arm}_accuracy")
            share = 100 * round(printed / 100 * count) / count
            possible = abs(share - printed) < 0.001 and (
                round(share, 3) == printed or int(share * 1000) == round(printed * 1000)
            )
            row[f"{arm}, printed"] = f"{printed:.3f}"
            row[f"{arm}, nearest"] = f"{share:.4f}" + ("" if possible else ": not it")
        rows[f"{count} {name}"] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def deck_row() -> dict[str, str]:
    """The deck's four numbers, in the columns of `learnt_row`."""
    row = {"crops": "not said", "seeds": "1"}
    for arm in PAIR:
        row[f"epochs to 80 %, {arm}"] = f"{published_claim(f'{arm}_epochs_to_80'):.0f}"
    for arm in PAIR:
        row[f"accuracy, {arm}"] = f"{published_claim(f'{arm}_accuracy'):.3f} %"
    return row


def learnt_rows(arms: Mapping[str, Seeds]) -> list[dict[str, str]]:
    """Epochs to 80 % and final accuracy of both arms, on training and on test crops.

    Means over seeds with Student's interval; `never` where a network did not reach 80 %.
    """
    keys = {"training": (EPOCHS, "train_accuracy"), "test": ("epochs_to_80_test", "accuracy")}
    rows = []
    for crops, (epochs, accuracy) in keys.items():
        row = {"crops": crops, "seeds": str(len(arms["masked"]))}
        for arm in PAIR:
            row[f"epochs to 80 %, {arm}"] = mean_epochs(arms[arm], epochs)
        for arm in PAIR:
            values = [run.record["metrics"][accuracy] for run in arms[arm].values()]
            row[f"accuracy, {arm}"] = _mean(values, ".1%")
        rows.append(row)
    return rows


def mean_epochs(seeds: Seeds, key: str) -> str:
    """For a page: the mean epochs of an arm's networks with Student's interval, or `never`."""
    values = [run.record["metrics"][key] for run in seeds.values()]
    reached = [value for value in values if value is not None]
    if not reached:
        return "never"
    if len(values) == 1:
        return f"{values[0]}"
    never = len(values) - len(reached)
    return _mean(reached, ".1f") + (f", {never} never" if never else "")


def _mean(values: list[float], form: str) -> str:
    mean, low, high = seed_interval(values)
    if form.endswith("%"):
        low, high = max(low, 0), min(high, 1)
    interval = "" if np.isnan(low) else f" [{low:{form}}, {high:{form}}]"
    return f"{mean:{form}}{interval}"


def learnt_table(folder: Path | None = None) -> pd.DataFrame:
    """For a page: the deck's row, and two of each data set that has a pair of records."""
    names, rows = ["deck"], [deck_row()]
    for dataset, arms in recorded_arm_pairs(folder).items():
        names += [title(dataset, arms)] * 2
        rows += learnt_rows(arms)
    return pd.DataFrame(rows, index=names)


def recorded_arm_pairs(folder: Path | None) -> dict[str, dict[str, dict[int, Trained]]]:
    """The deck's two arms and the seeds that both have, of every data set with such a pair."""
    found = {}
    for dataset in RECORDED:
        try:
            arms = in_pairs(recorded(dataset, PAIR, folder=folder))
        except NoRecords:
            continue
        if arms["masked"]:
            found[dataset] = arms
    return found


def recorded_pairs(folder: Path | None = None) -> pd.DataFrame:
    """For a page: `paired_table` of every data set on which both arms are recorded for a seed."""
    tables = {
        title(dataset, arms): paired_table(arms)
        for dataset, arms in recorded_arm_pairs(folder).items()
    }
    if not tables:
        raise NoRecords("no pair of records yet; make one with: ocnd run " + PAIR_CELLS[0])
    return pd.concat(tables)


def behind(row: str | tuple[str, str], column: str) -> list[str]:
    """The cells that a number of `learnt_table`, or of `recorded_pairs`, rests on."""
    name, seed = row if isinstance(row, tuple) else (row, "mean")
    datasets = {title: dataset for dataset, title in DATASETS.items()}
    dataset = COCO if name.startswith("COCO") else datasets.get(name)
    if dataset is None or column in ("crops", "seeds"):
        return []
    arms = [arm for arm in PAIR if column.split(", ")[-1] == arm] or PAIR
    seeds = SEEDS if seed == "mean" else [int(seed.removeprefix("seed "))]
    return [cell(dataset, arm, k) for k in seeds for arm in arms]


def correlation_table(folder: Path | None = None) -> pd.DataFrame:
    """Accuracy of both arms on scenes: columns correlation, arm, seed, accuracy.

    The same objects stand before other backgrounds at each correlation, so without their
    background they are the same crops: the masked arm is recorded once, and has a row at each. The
    arm `swapped` is the original one shown objects before backgrounds of other classes.
    """
    rows = []
    for correlation in CORRELATIONS:
        arms = {}
        for arm, at in (("masked", 0.5), ("original", correlation)):
            try:
                arms |= recorded("scenes", (arm,), at, folder)
            except NoRecords:
                continue
        shown = [(arm, arm) for arm in arms] + [("original", "swapped")] * ("original" in arms)
        rows += [
            (correlation, version, seed, float(run.right(version).mean()))
            for arm, version in shown
            for seed, run in arms[arm].items()
        ]
    if not rows:
        raise NoRecords(f"no record yet; make one with: ocnd run {PAIR_CELLS[0]}")
    return pd.DataFrame(rows, columns=["correlation", "arm", "seed", "accuracy"])


# --- figures -------------------------------------------------------------------------------------


def _each(draw: Callable[[str], object]) -> dict:
    """What is drawn of each data set by its title, or the words that say what is missing.

    NoRecords if nothing is there at all.
    """
    found, missing = {}, []
    for dataset, name in DATASETS.items():
        try:
            found[name] = draw(dataset)
        except NoRecords as lacking:
            found[name] = said_briefly(lacking)
            missing.append(lacking)
    if len(missing) == len(found):
        raise missing[0]
    return found


def said_briefly(lacking: NoRecords) -> str:
    """Why nothing is shown of a data set, in a few words."""
    return NO_RECORD if str(lacking).startswith(NO_RECORD) else "records of different crops"


def recorded_arms(folder: Path | None = None) -> Figure:
    """Chapter 6, the answer: test accuracy of every arm on its own version of the crops."""
    return plots.arm_accuracies(_each(lambda dataset: arm_table(recorded(dataset, folder=folder))))


def recorded_curves(folder: Path | None = None) -> Figure:
    """Chapter 6: accuracy after each epoch of the two arms, on both data sets."""
    panels = _each(lambda dataset: curves(recorded(dataset, PAIR, folder=folder)))
    return plots.convergence({k: v for k, v in panels.items() if not isinstance(v, str)})


def curves(arms: Mapping[str, Seeds]) -> dict[str, list[list[dict]]]:
    """The learning curves of each arm, one list a seed."""
    return {arm: [run.record["curves"] for run in seeds.values()] for arm, seeds in arms.items()}


def recorded_crossed(folder: Path | None = None) -> Figure:
    """Chapter 6: accuracy for every version trained on and every version shown."""
    return plots.versions_crossed(
        _each(lambda dataset: crossed_table(recorded(dataset, folder=folder)))
    )


def recorded_correlation(folder: Path | None = None) -> Figure:
    """Chapter 6: accuracy of both arms as the background of the scenes tells more."""
    return plots.accuracy_against_correlation(correlation_table(folder))


FIGURES: dict[str, Callable[[], Figure]] = {
    "masked-answer": recorded_arms,
    "masked-curves": recorded_curves,
    "masked-crossed": recorded_crossed,
    "masked-correlation": recorded_correlation,
}
