"""Run records: one JSON file for one cell, with arrays in an `.npz` beside it.

A cell is `dataset/method/class/seed`, with parameters that differ from the method's defaults in its
name: `cifar10/ocgan/truck/3`, `cifar10/vgg11-bn+ratio=99/airplane/0`.
"""

import ast
import fcntl
import json
import os
import platform
import re
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.archives import md5_of
from data_prep.files import replace_file
from ocnd_lib.record_form import check_arrays, check_record, columns_of, points_of

REPOSITORY = Path(__file__).resolve().parents[1]
LARGEST_SEED = 2**32 - 1  # of numpy's generators
NUMBERS = re.compile(r'\[[^][{}"]*\]')  # a list of them, as JSON
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "scipy")
POINTS = 100  # of a curve: a few dozen images are trained on for hundreds of epochs
FEW = 5000  # scores; where fewer are kept, each pair of images is much of an AUROC
REPAIR = "remove it, and run its cell again"


def records_folder() -> Path:
    """The folder of the records: `$OCND_RECORDS`, else results/records beside the library."""
    return Path(os.environ.get("OCND_RECORDS") or REPOSITORY / "results" / "records").expanduser()


@dataclass(frozen=True)
class Cell:
    """One cell of a table; `parameters` hold what differs from the method's defaults."""

    dataset: str
    method: str
    normal_class: str
    seed: int
    parameters: dict = field(default_factory=dict)

    @property
    def variant(self) -> str:
        """The method with its parameters, e.g. `vgg11-bn+ratio=99`."""
        given = (f"{k}={v}".replace("e+", "e") for k, v in sorted(self.parameters.items()))
        return "+".join([self.method, *given])

    def __str__(self) -> str:
        return f"{self.dataset}/{self.variant}/{self.normal_class}/{self.seed}"

    def path(self, folder: Path | None = None) -> Path:
        """The record's JSON file."""
        return Path(folder or records_folder()) / f"{self}.json"


def parse_cell(text: str) -> Cell:
    """Read `dataset/method[+name=value …]/class/seed`; ValueError says what is wrong with it."""
    form = "a cell is DATASET/METHOD[+NAME=VALUE …]/CLASS/SEED, e.g. cifar10/vgg11-bn/airplane/0"
    parts = text.split("/")
    if len(parts) != 4 or not all(parts) or any(p in (".", "..") for p in parts):
        raise ValueError(f"{text!r} is not a cell: {form}")
    dataset, variant, normal_class, seed = parts
    if not (seed.isascii() and seed.isdecimal() and int(seed) <= LARGEST_SEED):
        raise ValueError(
            f"seed {seed!r} in {text!r} is not a whole number from 0 to {LARGEST_SEED}: {form}"
        )
    method, *settings = variant.split("+")
    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not (name and equals and value):
            raise ValueError(f"{setting!r} in {text!r} is not NAME=VALUE: {form}")
        if name in parameters:
            raise ValueError(f"{name!r} stands twice in {text!r}: {form}")
        try:
            parameters[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parameters[name] = value
    return Cell(dataset, method, normal_class, int(seed), parameters)


@cache
def code_revision() -> tuple[str | None, bool]:
    """The git revision or None, and whether the code is changed since.

    Asked once a process, before the first cell is run: a later commit is not what runs.
    """
    outside = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    # whoever owns the files: its hooks are not run by what is asked here
    safe = ["git", "-C", str(REPOSITORY), "-c", f"safe.directory={REPOSITORY}"]

    def git(*arguments: str) -> str | None:
        try:
            return subprocess.check_output(
                [*safe, *arguments], stderr=subprocess.DEVNULL, text=True, env=outside
            ).strip()
        except (OSError, subprocess.CalledProcessError):  # no git, or no repository
            return None

    top = git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != REPOSITORY:
        return None, False  # the commit of a repository around this one says nothing of it
    changed = git("status", "--porcelain", "--", "ocnd_lib", "data_prep")
    return git("rev-parse", "HEAD"), bool(changed)


def provenance(device: str) -> dict:
    """What a reader needs to trust a number: versions, git revision, date, and what computed it."""
    import torch  # takes seconds, and whoever reads records needs none of it

    revision, changed = code_revision()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_revision": revision,
        "git_changed": changed,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "processor": torch.cuda.get_device_name() if device == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", info.read_text() if info.exists() else "")
    return named[1].strip() if named else platform.processor() or platform.machine()


def check_writable(folder: Path) -> None:
    """Make the folder and try to write into it; PermissionError says where records may go."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PermissionError(
            f"records cannot be written to {folder} ({error.strerror}); "
            "set OCND_RECORDS to a folder that can be written to"
        ) from error


def write_record(record: dict, arrays: dict | None = None, folder: Path | None = None) -> Path:
    """Write a finished record: the arrays first, then the JSON, each under its name by rename.

    So a reader never sees half a record. Curves, one dict an epoch, are kept as one list a name, to
    five digits; of more than POINTS every second, third …, and the last, what is no number left
    out. Elsewhere it is refused.
    """
    path = parse_cell(record["cell"]).path(folder)
    if "curves" in record:
        five = lambda digits: float(f"{float(digits):.5g}")  # noqa: E731
        every = -(-len(record["curves"]) // POINTS) or 1
        text = json.dumps(columns_of(record["curves"][::-every][::-1]))
        curves = json.loads(text, parse_float=five, parse_constant=lambda _: None)
        record = record | {"curves": curves}
    if "tables" in record:
        tables = {name: columns_of(rows) for name, rows in record["tables"].items()}
        record = record | {"tables": tables}
    text = json.dumps(record, indent=1, allow_nan=False)
    text = NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text) + "\n"
    check_record(json.loads(text), str(parse_cell(record["cell"])))
    if arrays:
        check_arrays(arrays)
        pack(path.with_suffix(".npz"), arrays, path.parents[2])
    replace_file(path, lambda file: file.write(text.encode()))
    return path


def coarse(values: np.ndarray, steps: int = 64) -> np.ndarray:
    """Values (N,) on a grid, a power of two, of `steps` or more to their deviation, float32.

    Compressed they take half the space; the AUROC of 10 000 images moves by less than 1e-4. Finer
    where some high values make the deviation: else all others would become equal. Fewer than FEW
    are left as they are: there an image counts.
    """
    values = np.asarray(values, np.float64)
    if len(values) < FEW or not 0 < (spread := values.std()) < np.inf:
        return values.astype(np.float32)
    crowd = lambda numbers: np.unique(numbers, return_counts=True)[1].max()  # noqa: E731
    step = 2.0 ** np.floor(np.log2(spread / steps))
    most = max(len(values) / (2 * steps), crowd(values))
    while crowd(np.round(values / step)) > most:
        step /= 2
    return (np.round(values / step) * step + 0.0).astype(np.float32)  # -0.0 + 0.0 is 0.0


def read_record(cell: Cell | str, folder: Path | None = None) -> dict | None:
    """The finished record of a cell; None if there is none, or, with a warning, a damaged one."""
    return _read((parse_cell(cell) if isinstance(cell, str) else cell).path(folder))


def _read(path: Path) -> dict | None:
    try:
        record = json.loads(path.read_bytes())
        check_record(record, "/".join(path.with_suffix("").parts[-4:]))
        if "curves" in record:
            record["curves"] = points_of(record["curves"])
        if "tables" in record:
            record["tables"] = {name: points_of(of) for name, of in record["tables"].items()}
        return record
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        warnings.warn(f"{path} is no record ({error}); {REPAIR}", stacklevel=3)
        return None


def read_arrays(cell: Cell | str, folder: Path | None = None) -> dict[str, np.ndarray]:
    """The arrays beside a record; empty when there are none, or, with a warning, damaged ones."""
    path = (parse_cell(cell) if isinstance(cell, str) else cell).path(folder).with_suffix(".npz")
    try:
        arrays = unpack(path, path.parents[2])
        check_arrays(arrays)
        return arrays
    except FileNotFoundError:
        return {}
    except Exception as error:  # a damaged file can fail anywhere, in lzma as in numpy
        why = str(error) or type(error).__name__
        warnings.warn(f"{path} cannot be read ({why}); {REPAIR}", stacklevel=2)
        return {}


def read_records(folder: Path | None = None, pattern: str = "*/*/*") -> list[dict]:
    """The records whose `dataset/variant/class` matches a glob pattern, but damaged ones."""
    paths = sorted(Path(folder or records_folder()).glob(f"{pattern}/*.json"))
    return [found for path in paths if (found := _read(path))]


def table(records: list[dict]) -> pd.DataFrame:
    """One row a record: the cell's parts, its plain metrics, seconds, device, date, revision."""
    rows = []
    for record in records:
        cell, made = parse_cell(record["cell"]), record["provenance"]
        rows.append({
            "dataset": cell.dataset, "method": cell.variant,
            "class": cell.normal_class, "seed": cell.seed,
            **{k: v for k, v in record["metrics"].items() if isinstance(v, int | float)},
            "seconds": record["seconds"], "hardware": record["hardware"],
            "date": made.get("date", ""), "revision": (made.get("git_revision") or "")[:8],
        })  # fmt: skip
    return pd.DataFrame(rows)


def on_one_processor(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the `processor` that ran the most pairs of `dataset` and `method`, or rows."""
    if table.empty:
        return table
    pairs = table.drop_duplicates(["processor", "dataset", "method"])["processor"].value_counts()
    rows = table["processor"].value_counts()
    # of equals the first by name, so that the order of the rows decides nothing
    chosen = max(sorted(rows.index), key=lambda name: (pairs[name], rows[name]))
    return table[table["processor"] == chosen]


@contextmanager
def claim(path: Path, wait: bool = False) -> Iterator[bool]:
    """Hold a cell's work file, until death; if another process does, yield False, or `wait`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError as error:  # of network folders some have no locks
            error.filename, error.strerror = str(path), f"{error.strerror}: it cannot be locked"
            raise
        yield True


LABELS = "class_test"  # the same in all records of a data set


def pack(path: Path, arrays: Mapping[str, np.ndarray], shared: Path) -> None:
    """An npz file from which `unpack` gives the same arrays again, bit for bit.

    Labels of a whole test set lie once in the folder `shared`, by their md5.
    """
    stored = {name: np.asanyarray(array) for name, array in arrays.items()}
    labels = stored.get(LABELS)
    if labels is not None and labels.dtype == np.uint8 and labels.size >= 1000:
        name = f"{LABELS}-{md5_of(labels)[:16]}"
        if not (file := shared / f"{name}.npy").exists():
            replace_file(file, lambda into: np.save(into, labels))
        stored[LABELS] = np.array(name)
    replace_file(path, lambda file: _write_npz(file, stored))


def unpack(path: Path, shared: Path) -> dict[str, np.ndarray]:
    """The arrays that `pack` was given; ValueError if the labels that it names are gone."""
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    if LABELS in arrays and arrays[LABELS].ndim == 0:
        file = shared / f"{arrays[LABELS]}.npy"
        arrays[LABELS] = np.load(file) if file.exists() else np.empty(0)
        if md5_of(arrays[LABELS])[:16] != file.stem[-16:]:
            raise ValueError(f"{path} needs {file}, which is missing or changed: copy both again")
    return arrays


def _write_npz(file, arrays: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # of 1980: equal arrays give equal files
            member.compress_type = zipfile.ZIP_LZMA
            with archive.open(member, "w", force_zip64=True) as into:
                np.lib.format.write_array(into, array, allow_pickle=False)
