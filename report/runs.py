"""Execute a notebook with papermill, unless it has been executed before from the same inputs.

A run is the executed copy of a notebook with a folder of its figures beside it. The copy's metadata
holds a key, the hash of everything it was made from; while the key holds, nothing is run again.
Only a run that ended well has a key, so what a failed or killed one leaves is never used.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from data_prep.archives import data_folder
from data_prep.files import replace_file
from data_prep.masked_files import masked_sets, npz_path
from ocnd_lib.records import claim, records_folder
from report.parameters import read_parameters, validate

ROOT = Path(__file__).resolve().parent.parent
INJECTED = "injected-parameters"  # the tag of the cell that papermill adds


class BookError(RuntimeError):
    """A notebook failed, or the book cannot be made of them; the message says where and why."""


class Run(NamedTuple):
    """An executed notebook, the folder of its figures, and the seconds it took (0: unchanged)."""

    notebook: Path
    figures: Path
    seconds: float


def find_notebook(target: str) -> Path:
    """The notebook meant by a path or by the name of a chapter; ValueError lists what there is."""
    path = Path(target) if target.endswith(".ipynb") else ROOT / "notebooks" / f"{target}.ipynb"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb")))
        raise ValueError(f"there is no notebook {target!r}; there are: {names}")
    return path.resolve()


def execute(
    source: Path,
    parameters: dict[str, object] | None = None,
    *,
    jobs: int = 1,
    again: bool = False,
    root: Path = ROOT,
    version: str | None = None,
) -> Run:
    """Run a notebook, or return the run that stands when nothing it was made from has changed.

    The executed copy is `_build/runs/NAME-HASH.ipynb` with a hash of the parameters. `jobs` tells
    among how many kernels the cores are shared; `version` spares the library's hash. Raises
    ValueError for parameters the notebook does not take, and BookError.
    """
    given = validate(source, parameters or {})
    values = {name: p.default for name, p in read_parameters(source).items()} | given
    code, precision = source.read_text(encoding="utf-8"), os.environ.get("OCND_PRECISION", "auto")
    key = digest([code, values, precision, version or library_version(root)])
    out = root / "_build" / "runs" / f"{source.stem}-{digest(values)[:8]}.ipynb"
    figures = out.with_name(f"{out.stem}_figures")
    with claim(out.with_name(f".{out.stem}.lock"), wait=True):  # a second finds what a first makes
        with suppress(OSError, ValueError, KeyError):  # none, or one that failed
            made = json.loads(out.read_text(encoding="utf-8"))["metadata"]["ocnd"]
            if made["key"] == key and figures.is_dir() and not again:
                return Run(out, figures, 0)
        out.unlink(missing_ok=True)
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir()
        started = time.perf_counter()
        executed = _papermill(source, out, given, figures, jobs, root)
        # what would make each copy differ: times, paths, random names
        executed.metadata.pop("papermill", None)
        executed.metadata["ocnd"] = {"key": key, "parameters": values}
        for cell in executed.cells:
            cell.metadata.pop("papermill", None)
            cell.metadata.pop("execution", None)
            if INJECTED in cell.metadata.get("tags", []) and "id" in cell:
                cell["id"] = INJECTED
        replace_file(out, lambda file: file.write(f"{nbformat.writes(executed)}\n".encode()))
        return Run(out, figures, time.perf_counter() - started)


def _papermill(source, out, given, figures, jobs, root, again=True) -> nbformat.NotebookNode:
    try:
        return papermill.execute_notebook(
            str(source), str(out), given, progress_bar=jobs == 1 and sys.stderr.isatty(),
            kernel_name="python3", language="python",
            kernel_manager_class=_this_python(figures, jobs, root),
            # papermill's own `cwd` would move this whole process, with all its threads
            resources={"metadata": {"path": str(root)}},
        )  # fmt: skip
    except PapermillExecutionError as error:
        said = f"In [{error.exec_count}]: {error.ename}: {error.evalue}"
    except DeadKernelError:
        said = "the kernel died (killed, or out of memory?)"
    except RuntimeError as error:
        if again:  # two kernels that start together now and then draw the same port
            return _papermill(source, out, given, figures, jobs, root, again=False)
        said = f"the kernel did not start: {error}"
    raise BookError(f"{source.stem}: {said}\n  {out}")


def _this_python(figures: Path, jobs: int, root: Path) -> type[AsyncKernelManager]:
    """Kernels of this very interpreter, whatever is installed, that save figures to a folder."""
    profile = root / "_build" / "ipython"
    profile.mkdir(parents=True, exist_ok=True)  # or IPython warns on the page
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    environment = {
        "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "OCND_FIGURES": str(figures),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // jobs)),
        # a backend that the caller has set would keep the figures out of the page
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # nor is what somebody lets every session begin with part of a page
        "IPYTHONDIR": str(profile),
        "PYTHONSTARTUP": "",
        "PYTHONUTF8": "1",  # whatever the locale
    }
    environment["OCND_DATA"] = str(data_folder().resolve())  # a kernel starts in another folder
    if folder := os.environ.get("OCND_RECORDS"):
        environment["OCND_RECORDS"] = str(Path(folder).resolve())
    # the level silences two lines of each kernel: that loopback is not encrypted, and that it was
    # interrupted in order to end
    start = [sys.executable, "-m", "ipykernel_launcher", "--log-level=CRITICAL"]

    class ThisPython(AsyncKernelManager):
        kernel_spec = KernelSpec(argv=[*start, "-f", "{connection_file}"], env=environment)

    return ThisPython


def library_version(root: Path = ROOT) -> str:
    """The hash of what every notebook rests on: code, results, package versions, and data.

    Of data only sets with masks that somebody built: all others are those of their checksums.
    """
    code = ["constraints.txt", "data_prep/**/*.py", "ocnd_lib/**/*.py", "report/**/*.py"]
    looks = ["report/*.html", "report/*.mplstyle"]
    numbers = ["results/published/**/*", "results/*.csv", "benchmarks/*.json"]
    files = [file for pattern in (*code, *looks, *numbers) for file in root.glob(pattern)]
    files += [*records_folder().glob("**/*.json"), *records_folder().glob("**/*.npz")]
    return tree_hash([*files, *map(npz_path, masked_sets())], root)


def tree_hash(files: Iterable[Path], root: Path) -> str:
    """The hash of the names, seen from `root`, and contents of those files that exist."""
    named = sorted((os.path.relpath(p, root), p) for p in files if p.is_file())
    return digest([(name, hashlib.sha256(p.read_bytes()).hexdigest()) for name, p in named])


def digest(content: object) -> str:
    """The SHA-256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
