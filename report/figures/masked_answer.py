"""Chapter 6: what becomes of the deck's claims, and the answer in words."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ocnd_lib.stats import seed_interval
from report.figures.claims import claims_table, verdict
from report.figures.masked import (
    COCO,
    DATASETS,
    EPOCHS,
    NO_RECORD,
    PAIR,
    RECORDED,
    Seeds,
    accuracy_gain,
    epochs_saved,
    in_pairs,
    mean_epochs,
    recorded,
    recorded_arm_pairs,
    said_briefly,
    shared,
    title,
)
from report.figures.source import NoRecords

CLAIMS = (
    "Masked crops are learnt in fewer epochs",
    "and put into their class more often",
    "So are crops that are dimmed outside the middle of the object's box",
    "The surroundings add something to the outline",
    "A network that sees backgrounds relies on them",
)
NOT_RUN = "not run here"


def claims(arms: Mapping[str, Seeds], lacking: str = NO_RECORD) -> dict[str, str]:
    """Each claim with its verdict and numbers, as far as its arms were run, else `lacking`.

    The first two are the deck's. The next two part what the deck takes as one: a mask both removes
    the background and shows the outline. The last asks the same networks with another background.
    """
    found = dict.fromkeys(CLAIMS, lacking)
    if shared(arms):
        found[CLAIMS[0]] = _epochs_claim(arms)
    pairs = (("masked", "original"), ("centre", "original"), ("background", "silhouette"))
    compared = [((a, a), (b, b)) for a, b in pairs]
    compared.append((("original", "original"), ("original", "swapped")))
    for claim, ((a, shown), (b, other)) in zip(CLAIMS[1:], compared, strict=True):
        if common := arms.get(a, {}).keys() & arms.get(b, {}).keys():
            gain = accuracy_gain((arms[a], shown), (arms[b], other))
            sure = verdict(*gain[1:], 1)
            if len(common) == 1:
                sure += " for this one pair" if a != b else " for this one network"
            found[claim] = f"{sure}: {shown} minus {other} {gain_text(gain)}"
    return found


def _epochs_claim(arms: Mapping[str, Seeds]) -> str:
    runs = [run for seeds in in_pairs(arms).values() for run in seeds.values()]
    reached = [run.record["metrics"][EPOCHS] for run in runs]
    if not any(reached):
        return "not decided: no network came to 80 %"
    mean, low, high = seed_interval(epochs_saved(arms))
    interval = "" if np.isnan(low) else f" [{low:+.1f}, {high:+.1f}]"
    said = f"{verdict(low, high, 1)}: original minus masked {mean:+.1f}{interval} epochs"
    if never := reached.count(None):
        said += f", where {never} of {len(reached)} networks never came to 80 %"
    return said


def gain_text(gain: tuple[float, float, float]) -> str:
    """A difference of accuracies in percentage points, with its interval."""
    value, low, high = (100 * number for number in gain)
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}] points"


def recorded_claims(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """`claims` of every data set by its title; of COCO only if it has records."""
    found = {name: dict.fromkeys(CLAIMS, NO_RECORD) for name in DATASETS.values()}
    for dataset in RECORDED:
        try:
            arms = recorded(dataset, folder=folder)
        except NoRecords as lacking:
            if (said := said_briefly(lacking)) != NO_RECORD:
                found[DATASETS.get(dataset, "COCO")] = dict.fromkeys(CLAIMS, said)
            continue
        found[title(dataset, arms)] = claims(arms)
    return found


claims_markdown = partial(claims_table, CLAIMS)


def answer(arms: Mapping[str, Seeds], title: str, lacking: str = NO_RECORD) -> str:
    """Three sentences: is a network faster, is it better, and is that because background is noise?

    Each ends with how sure that is.
    """
    seeds = shared(arms)
    if not seeds:
        return f"On {title}, there is no pair of networks yet."
    runs = "one pair of networks" if len(seeds) == 1 else f"{len(seeds)} pairs of networks"
    found = claims(arms, lacking)
    pairs = in_pairs(arms)
    epochs = {arm: mean_epochs(pairs[arm], EPOCHS) for arm in PAIR}
    mean = {arm: np.mean([run.right(arm).mean() for run in pairs[arm].values()]) for arm in PAIR}
    crops = len(arms["masked"][seeds[0]].arrays["y_test"])
    sentences = [
        f"On {title}, {runs} reached 80 % of the training crops after "
        f"{epochs['masked']} epochs when the crops were masked and after {epochs['original']} when "
        f"they were not ({found[CLAIMS[0]]}).",
        f"Of {crops} test crops they put {mean['masked']:.1%} and {mean['original']:.1%} into "
        f"their class ({found[CLAIMS[1]]}).",
        _reason(found, arms, lacking),
    ]
    return " ".join(sentences)


def _reason(found: Mapping[str, str], arms: Mapping[str, Seeds], lacking: str) -> str:
    centre = found[CLAIMS[2]]
    if centre == lacking or "silhouette" not in arms:
        return (
            "Whether that is due to the background that a mask removes or to the outline that it "
            f"shows cannot be said from these two; the controls that part them: {lacking}."
        )
    outline = np.mean([run.right("silhouette").mean() for run in arms["silhouette"].values()])
    said = {
        "confirmed": "Dimming all but the middle of the box helps even without showing the outline",
        "refuted": "Dimming all but the middle of the box, the object's rim too, does harm",
    }.get(
        centre.partition(":")[0],
        "It is not shown that dimming all but the middle of the box helps",
    )
    return f"{said} ({centre.partition(': ')[2]}), and the outline alone gives {outline:.1%}."


def recorded_answer(dataset: str, folder: Path | None = None) -> str:
    """`answer` from what is recorded of a data set, or what to run."""
    try:
        arms = recorded(dataset, folder=folder)
    except NoRecords as missing:
        return f"On {DATASETS.get(dataset, 'COCO')}: {missing}."
    return answer(arms, title(dataset, arms))


def recorded_gains(folder: Path | None = None) -> str:
    """Test accuracy of masked minus original crops on every recorded data set, in words."""
    said = []
    for dataset, arms in recorded_arm_pairs(folder).items():
        gain = accuracy_gain((arms["masked"], "masked"), (arms["original"], "original"))
        said.append(f"{title(dataset, arms)}: {gain_text(gain)}")
    return "; ".join(said) or NO_RECORD


def coco_against_guessing(folder: Path | None = None) -> str:
    """One sentence: the two arms on the crops of COCO, beside always naming the largest class."""
    arms = recorded_arm_pairs(folder).get(COCO)
    if arms is None:
        return f"Of the crops of COCO there is {NO_RECORD}."
    right = {arm: np.mean([run.right(arm).mean() for run in arms[arm].values()]) for arm in PAIR}
    test = next(iter(arms["masked"].values())).record["test_counts"]
    small = " A set so small decides nothing." if sum(test) < 100 else ""
    return (
        f"Of the {sum(test)} test crops of COCO the two arms put {right['masked']:.1%} and "
        f"{right['original']:.1%} into their class; always naming the largest would be right in "
        f"{max(test) / sum(test):.1%}.{small}"
    )
