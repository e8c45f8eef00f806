"""The `ocnd` command. Everything heavy is imported by the command that needs it."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option
from typer.core import TyperCommand

FAILED, BAD = 1, 2  # exit codes: work that failed, input that was wrong
Language = Annotated[Literal["en", "ko"], Option(help="English or Korean.")]
Format = Annotated[Literal["text", "csv", "json"], Option(help="How to print the table.")]


class NameValueCommand(TyperCommand):
    """A command whose `-p` takes two words, a name and a value, as papermill's does."""

    def parse_args(self, ctx, args: list[str]) -> list[str]:
        """Join the two words of each `-p` with an equals sign, which typer can read."""
        rest = iter(args)
        pairs = (f"-p{next(rest, '')}={next(rest, '')}" if w == "-p" else w for w in rest)
        return super().parse_args(ctx, list(pairs))


app = typer.Typer(
    help="Run and render the report on one-class novelty detection.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def fail(message: str, code: int) -> None:
    """End with one message."""
    print(f"ocnd: {message}", file=sys.stderr)
    raise typer.Exit(code)


@contextmanager
def plain_errors(*failures: type[Exception]) -> Iterator[None]:
    """Turn these failures, and input that was wrong, into one message each."""
    try:
        yield
    except failures as error:
        fail(str(error), FAILED)
    except (ValueError, PermissionError) as error:
        fail(str(error), BAD)
    except KeyboardInterrupt:
        # threads may still wait for kernels; those end by themselves once this process is gone
        sys.stdout.flush()
        print("\nocnd: stopped", file=sys.stderr, flush=True)
        os._exit(130)


@app.command()
def book(
    preset: Annotated[Literal["quick", "full"], Option(help="Size of the experiments.")] = "quick",
    jobs: Annotated[int, Option(min=1, help="Notebooks executed at a time.")] = 2,
    again: Annotated[bool, Option("--again", help="Execute unchanged ones too.")] = False,
) -> None:
    """Execute the notebooks that changed, render the book, print where it is."""
    from report.pages import BookError, NotebookError, build

    started = time.perf_counter()
    with plain_errors(BookError, NotebookError):
        page = build(preset, jobs, again, say=lambda line: print(line, flush=True))
    print(f"all: {time.perf_counter() - started:.1f} s")
    print(page)


@app.command(cls=NameValueCommand)
def run(
    target: Annotated[str, Argument(help="A notebook, or a cell such as digits/vgg11/8/0.")],
    parameters: Annotated[
        list[str] | None, Option("-p", metavar="NAME VALUE", help="One parameter; repeat.")
    ] = None,
    out: Annotated[Path | None, Option(help="Where the executed copy goes.")] = None,
    again: Annotated[bool, Option("--again", help="Execute it even if unchanged.")] = False,
) -> None:
    """Execute one notebook with other parameters, or run one cell of a table."""
    given = dict(pair.partition("=")[::2] for pair in parameters or [])
    if "" in given or "" in given.values():
        fail("-p needs a name and a value, for example: -p epochs 3", BAD)
    if Path(f"{target}.ipynb").is_file():
        target += ".ipynb"
    if not target.endswith(".ipynb") and "/" in target:
        if given or out:
            fail("a cell takes neither -p nor --out: its name says it all", BAD)
        if again:
            fail("a recorded cell is not run again; remove its record first", BAD)
        return _run_cell(target)
    from report.runs import NotebookError, execute, find_notebook

    if out and out.suffix != ".ipynb":
        fail(f"--out must end in .ipynb, not {out.name!r}", BAD)
    with plain_errors(NotebookError, OSError):
        source = find_notebook(target)
        if out and out.resolve() == source:
            fail("--out is the notebook itself; name another file", BAD)
        done = execute(source, given, out, again=again, progress=sys.stderr.isatty())
    if any(done.figures.iterdir()):
        print(f"figures: {done.figures}")
    print(f"{done.notebook}" if done.seconds else f"{done.notebook} (unchanged)")


def _run_cell(cell: str) -> None:
    from ocnd_lib.benchmark import CellIsTaken, Diverged, run_cell
    from ocnd_lib.data import DataError
    from ocnd_lib.records import parse_cell, table

    with plain_errors(DataError, CellIsTaken, Diverged):
        record = run_cell(cell)
    print(table([record]).T.to_string(header=False))
    print(parse_cell(record["cell"]).path())


@app.command()
def sweep(
    datasets: Annotated[str | None, Option(help="Data sets, with commas between.")] = None,
    methods: Annotated[str | None, Option(help="Methods, with commas between.")] = None,
    classes: Annotated[
        str | None, Option(help="Normal classes, with commas between; else all.")
    ] = None,
    seeds: Annotated[str | None, Option(help="Seeds, like 0-4 or 0,2,5. [0]")] = None,
    workers: Annotated[int, Option(min=1, help="Cells at a time, one core each.")] = 2,
    max_minutes: Annotated[
        float | None, Option(min=0, help="Stop after so long; checkpoints go on later.")
    ] = None,
    nice: Annotated[int, Option(min=0, max=19, help="Niceness of the workers.")] = 0,
    scheduler: Annotated[
        str | None, Option(help="Address of a running Dask cluster to use instead.")
    ] = None,
    memory: Annotated[
        float | None, Option(min=0.5, help="GiB a worker may take; else what its cells need.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would run.")] = False,
) -> None:
    """Run the cells that have no record yet, several at a time.

    With neither data sets nor methods: every cell that the report rests on, most valuable first.
    """
    from ocnd_lib import sweep as sweeps
    from ocnd_lib.data import DataError, check_available
    from ocnd_lib.records import parse_cell
    from report import plan

    everything = datasets is None and methods is None and classes is None
    with plain_errors(DataError, ConnectionError):
        if everything and seeds is not None:
            raise ValueError("--seeds needs --datasets and --methods; the report has its own")
        if everything:
            wanted = plan.report_cells()
        else:
            names, of, only = (
                None if text is None else [word for word in text.split(",") if word]
                for text in (datasets or "", methods or "", classes)
            )
            counted = sweeps.parse_seeds("0" if seeds is None else seeds)
            wanted = sweeps.cells(names, of, counted, only)
        missing = plan.missing(wanted)
        if scheduler is not None:
            workers = sweeps.threads(scheduler)
            print(f"The cluster has {workers} threads now.")
        print(plan.told(missing, max(1, workers)), flush=True)
        if dry_run:
            return print("\n".join(missing))
        if max_minutes is not None:
            print(f"Stops after {max_minutes:g} minutes; the same command goes on from there.")
        for name in dict.fromkeys(parse_cell(cell).dataset for cell in missing):
            try:
                check_available(name)  # what cannot be had shows before any worker starts
            except DataError as error:
                if not everything:
                    raise
                print(f"Left out: {error}", file=sys.stderr)
                wanted = [cell for cell in wanted if parse_cell(cell).dataset != name]
        outcome = sweeps.sweep(wanted, workers, max_minutes, nice, scheduler, memory=memory)
    print(", ".join(f"{kind}: {len(found)}" for kind, found in outcome.items()))
    if outcome["failed"]:
        fail("\n".join(["these cells failed:", *outcome["failed"]]), FAILED)


@app.command()
def data(
    name: Annotated[str, Argument(help="A data set, such as cifar10, scenes or coco10.")],
    annotations: Annotated[
        Path | None, Option(help="coco10, or a set of your own: a file in COCO's format.")
    ] = None,
    images: Annotated[Path | None, Option(help="The folder of its images.")] = None,
    categories: Annotated[
        str | None, Option(help="A set of your own: its classes, with commas between. [all]")
    ] = None,
    voc: Annotated[
        Path | None, Option(help="A set of your own: a folder VOC2012, instead of those.")
    ] = None,
    per_class: Annotated[
        int | None, Option(help="Sets with masks: objects a class. [550]", min=2)
    ] = None,
    test: Annotated[
        int | None, Option(help="Sets with masks: test pictures. [500, or a fifth]", min=1)
    ] = None,
    seed: Annotated[int | None, Option(help="Sets with masks. [0]", min=0)] = None,
    background_correlation: Annotated[
        float | None, Option(help="scenes: what the background tells. [0.5]", min=0, max=1)
    ] = None,
    fewer: Annotated[
        bool | None, Option("--fewer", help="Accept classes with too few objects.")
    ] = None,
    out: Annotated[
        Path | None, Option(help="Sets with masks: the folder to build. [data/NAME]")
    ] = None,
) -> None:
    """Fetch or build a data set, verify it, and tell what is in it.

    A downloaded set is fetched if it is missing; scenes, mnist_on_cifar and coco10 are always
    built. Under a name of your own, objects with masks in COCO's format become a set that every
    notebook and cell takes: ocnd data NAME --annotations FILE --images FOLDER
    """
    given = {key: value for key, value in locals().items() if key != "name" and value is not None}
    from data_prep.masked_files import BUILT
    from ocnd_lib.data import DATASETS, DataError, prepare

    with plain_errors(DataError, OSError):
        if name in BUILT or (given and name not in DATASETS):
            from ocnd_lib.masked import build_masked

            made = build_masked(name, say=print, **given)
            images, fingerprint = made.without_masks(), made.fingerprint
        elif given:
            fail(f"{name} takes no options; {', '.join(BUILT)} and sets of your own do", BAD)
        else:
            images = prepare(name)
            fingerprint = images.fingerprint
    for part in ("train", "test"):
        x, y = getattr(images, f"x_{part}"), getattr(images, f"y_{part}")
        print(f"{part:5}  {len(x):>6} images  {' x '.join(map(str, x.shape[1:]))}  {x.dtype}")
        for index, label in enumerate(images.class_names):
            print(f"{'':5}  {(y == index).sum():>6} {label}")
    if images.inexact:
        print(f"{images.inexact} images are no originals, says the file")
    print(f"fingerprint {fingerprint}")
    if name not in DATASETS:  # whose cells, once recorded, would not be run again
        from ocnd_lib.records import read_records

        found = [record["data_fingerprint"] for record in read_records(pattern=f"{name}/*/*")]
        if old := [each for each in found if each not in (fingerprint, images.fingerprint)]:
            print(f"{len(old)} records are of another {name}: remove them, or take another name")


@app.command()
def records(format: Format = "text") -> None:
    """List the runs that are recorded."""
    from ocnd_lib.records import read_records, records_folder, table

    with plain_errors():
        found = read_records()
    if format == "json":
        print(json.dumps(found, indent=1))
    elif format == "csv":
        print(table(found).to_csv(index=False), end="")
    elif found:
        print(table(found).to_string(index=False))
    else:
        print(f"no record yet in {records_folder()}")


@app.command()
def table(
    datasets: Annotated[list[str], Argument(help="Data sets, such as cifar10.")],
    format: Format = "text",
    choices: Annotated[
        str | None, Option(help="A method: print how its settings were chosen instead.")
    ] = None,
) -> None:
    """Print the deck's table of a data set, with ours beside it; of several, the means."""
    from ocnd_lib.data import class_names
    from report.chapters.all_tables import render_choices
    from report.tables import render, results

    if choices and len(datasets) > 1:
        fail("--choices is of one data set", BAD)
    with plain_errors():
        for name in datasets:
            class_names(name)  # before any of them is read, or becomes a pattern
        if choices:
            print(render_choices(datasets[0], choices, format), end="")
        else:
            print(render({name: results(name) for name in datasets}, format), end="")


@app.command()
def figures(
    out: Annotated[Path, Option(help="The folder to write to.")],
    only: Annotated[str | None, Option(help="The name of one figure.")] = None,
    style: Annotated[
        Literal["page", "talk"], Option(help="For a page, or 16:9 for a projector.")
    ] = "page",
    lang: Language = "en",
) -> None:
    """Draw the figures that rest on records, without training: svg, pdf, png and csv of each.

    A figure that lacks its records is left out, and it says which.
    """
    from report.drawing import save_figure
    from report.figures import FIGURES
    from report.source import NoRecords
    from report.talk import drawn, look

    if only and only not in FIGURES:
        fail(f"there is no figure {only!r}; there are: {', '.join(sorted(FIGURES))}", BAD)
    with plain_errors(OSError), look(style):
        for name in [only] if only else FIGURES:
            try:
                save_figure(drawn(FIGURES[name], style, lang), name, out)
            except NoRecords as missing:
                if only:
                    fail(str(missing), FAILED)
                print(f"{name}: {missing}", file=sys.stderr)
            else:
                print(out / f"{name}.svg")


@app.command()
def slides(
    out: Annotated[Path, Option(help="The file to write.")],
    format: Annotated[Literal["html", "pptx"], Option(help="What to show it with.")] = "html",
    template: Annotated[
        Path | None, Option(help="pptx: your lab's own, whose layouts and size it then has.")
    ] = None,
    chapters: Annotated[
        str | None, Option(help="Names, with commas between, such as ocgan,costs. [all]")
    ] = None,
    lang: Language = "en",
    minutes: Annotated[int, Option(min=2, help="Fewer minutes, fewer slides.")] = 20,
) -> None:
    """Make a talk of the recorded figures: answers, figures, scorecard, limits, notes."""
    from report.slides import make_slides

    with plain_errors(OSError):
        names = [name for name in (chapters or "").split(",") if name]
        made = make_slides(out, format, template, names, lang, minutes)
    print(f"{made} slides\n{out}")


if __name__ == "__main__":
    app()
