"""The `ocnd` command. Everything heavy is imported by the command that needs it."""

import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option
from typer.core import TyperCommand, TyperGroup

FAILED, BAD = 1, 2  # exit codes: work that failed, input that was wrong
Language = Annotated[Literal["en", "ko"], Option(help="English or Korean.")]
Format = Annotated[Literal["text", "csv", "json"], Option(help="How to print the table.")]


class NameValueCommand(TyperCommand):
    """A command whose `-p` takes two words, a name and a value, as papermill's does."""

    def parse_args(self, ctx, args: list[str]) -> list[str]:
        """Join the words of each `-p` by an equals sign; `NOTEBOOK --help` tells what it takes."""
        words = [word for word in args if not word.startswith("-")]
        if "--help" in args and words and "/" not in words[0]:  # of one notebook
            from report.parameters import described
            from report.runs import find_notebook

            with plain_errors():
                source = find_notebook(words[0])
                print("\n".join([f"{source.stem} takes:", *described(source)]))
            ctx.exit()
        rest = iter(args)
        pairs = (f"-p{next(rest, '')}={next(rest, '')}" if w == "-p" else w for w in rest)
        return super().parse_args(ctx, list(pairs))


class MachineGroup(TyperGroup):
    """Commands that end with a message when the machine fails: a full disk, no memory, no pipe."""

    def main(self, *args, **options):
        """Run the command that the arguments name."""
        try:
            try:
                return super().main(*args, **options)
            finally:
                sys.stdout.flush()
        except (OSError, MemoryError) as error:
            with suppress(OSError):  # what is left to print would fail once more at the very end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            print(f"ocnd: {str(error) or 'out of memory'}", file=sys.stderr)
            sys.exit(FAILED)


app = typer.Typer(
    cls=MachineGroup,
    help="Run and render the report on one-class novelty detection.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


# a damaged record, say, is one line, like an error
warnings.formatwarning = lambda message, *_, **__: f"ocnd: {message}\n"


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
        # where no locale is set, Python may be kept from reading names that are not ASCII
        why = "; set PYTHONUTF8=1" if isinstance(error, UnicodeEncodeError) else ""
        fail(f"{error}{why}", BAD)
    except KeyboardInterrupt:
        # threads may still wait for kernels; those end by themselves once this process is gone
        sys.stdout.flush()
        print("\nocnd: stopped", file=sys.stderr, flush=True)
        os._exit(130)


@app.command()
def book(
    preset: Literal["quick", "full"] = Option("quick", help="Size of the experiments."),
    jobs: int = Option(2, min=1, help="Notebooks executed at a time."),
    again: bool = Option(False, "--again", help="Execute unchanged ones too."),
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
    target: str = Argument(..., help="A notebook, or a cell such as digits/vgg11/8/0."),
    parameters: list[str] | None = Option(
        None, "-p", metavar="NAME VALUE", help="One parameter; repeat."
    ),
    out: Path | None = Option(None, help="Where the executed copy goes."),
    again: bool = Option(False, "--again", help="Execute it even if unchanged."),
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
    from report.pages import BookError, render_alone
    from report.parameters import read_parameters, validate
    from report.runs import NotebookError, execute, find_notebook

    if out and out.suffix != ".ipynb":
        fail(f"--out must end in .ipynb, not {out.name!r}", BAD)
    with plain_errors(NotebookError, BookError):
        source = find_notebook(target)
        if out and out.resolve() == source:
            fail("--out is the notebook itself; name another file", BAD)
        done = execute(source, given, out, again=again, progress=sys.stderr.isatty())
        page = render_alone(done)
        changed = validate(source, given)
    for name, parameter in read_parameters(source).items():
        if changed.get(name, parameter.default) != parameter.default:
            print(f"changed: {name} is {changed[name]!r}, by default {parameter.default!r}")
    if any(done.figures.iterdir()):
        print(f"figures: {done.figures}")
    print(f"{done.notebook}" if done.seconds else f"{done.notebook} (unchanged)")
    print(page)


def _run_cell(cell: str) -> None:
    from ocnd_lib.data import DataError
    from ocnd_lib.experiments import CellIsTaken, Diverged, run_cell
    from ocnd_lib.records import parse_cell, table

    with plain_errors(DataError, CellIsTaken, Diverged):
        record = run_cell(cell)
    print(table([record]).T.to_string(header=False))
    print(parse_cell(record["cell"]).path())


@app.command()
def sweep(
    datasets: str | None = Option(None, help="Data sets, with commas between."),
    methods: str | None = Option(None, help="Methods, with commas between."),
    classes: str | None = Option(None, help="Normal classes, with commas between; else all."),
    seeds: str | None = Option(None, help="Seeds, like 0-4 or 0,2,5; else 0."),
    workers: int = Option(2, min=1, help="Cells at a time, one core each."),
    max_minutes: float | None = Option(None, min=0, help="Stop after so long; to go on later."),
    nice: int = Option(0, min=0, max=19, help="Niceness of the workers."),
    scheduler: str | None = Option(None, help="Address of a running Dask cluster to use instead."),
    memory: float | None = Option(None, min=0.5, help="GiB a worker; else what its cells need."),
    dry_run: bool = Option(False, "--dry-run", help="Only say what would run."),
) -> None:
    """Run the cells that have no record yet, several at a time.

    With neither data sets nor methods: every cell that the report rests on, most valuable first.
    """
    from ocnd_lib import sweep as sweeps
    from ocnd_lib.data import DataError, check_available
    from ocnd_lib.records import parse_cell
    from report import plan

    everything = datasets is None and methods is None and classes is None
    with plain_errors(RuntimeError, ConnectionError):  # of data, and of Dask
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
    name: str = Argument(..., help="A data set, such as cifar10, scenes or coco10."),
    annotations: Path | None = Option(None, help="coco10, or your own: a file in COCO's format."),
    images: Path | None = Option(None, help="The folder of its images."),
    categories: str | None = Option(None, help="Your own: classes, with commas between; else all."),
    voc: Path | None = Option(None, help="Your own: a folder VOC2012, instead of those."),
    per_class: int | None = Option(None, help="Sets with masks: objects a class; 550.", min=2),
    test: int | None = Option(None, help="Sets with masks: test pictures; 500 or a fifth.", min=1),
    seed: int | None = Option(None, help="Sets with masks; 0.", min=0),
    background_correlation: float | None = Option(
        None, help="scenes: what the background tells; 0.5.", min=0, max=1
    ),
    fewer: bool | None = Option(None, "--fewer", help="Accept classes with too few objects."),
    out: Path | None = Option(None, help="Sets with masks: the folder to build; data/NAME."),
) -> None:
    """Fetch or build a data set, verify it, and tell what is in it.

    A downloaded set is fetched if it is missing; scenes, mnist_on_cifar and coco10 are always
    built. Under a name of your own, objects with masks in COCO's format become a set that every
    notebook and cell takes: ocnd data NAME --annotations FILE --images FOLDER
    """
    given = {key: value for key, value in locals().items() if key != "name" and value is not None}
    from data_prep.masked_files import BUILT
    from ocnd_lib.data import DATASETS, DataError, prepare

    with plain_errors(DataError):
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

        found = [record.get("data_fingerprint") for record in read_records(pattern=f"{name}/*/*")]
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
    datasets: list[str] = Argument(..., help="Data sets, such as cifar10."),
    format: Format = "text",
    choices: str | None = Option(None, help="A method: how its settings were chosen instead."),
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
    style: Literal["page", "talk"] = Option("page", help="For a page, or a 16:9 projector."),
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


@app.command("try")
def try_(
    normal: Annotated[Path, Option(help="The folder of normal pictures.")],
    test: Annotated[Path, Option(help="The folder of pictures to judge.")],
    method: Annotated[str, Option(help="Any of ae, ocgan, rotation ...")] = "rotation",
    out: Annotated[Path, Option(help="The folder to write to.")] = Path("own_images"),
    seed: Annotated[int, Option(min=0, help="Draws the pictures held back.")] = 0,
) -> None:
    """Judge pictures of your own by normal ones of your own; writes scores.csv and page.html."""
    from report import own_images

    with plain_errors(OSError):
        own_images.check_request(normal, test, method, out)
        trial = own_images.run_trial(normal, test, method, seed)
        own_images.write_scores(trial, out / "scores.csv")
        own_images.write_page(trial, out / "page.html")
    for part in (trial.normal, trial.test):
        for name, why in part.unreadable.items():
            print(f"not read: {part.folder / name}: {why}")
    print(*trial.notes, sep="\n", end="\n" * bool(trial.notes))
    print(f"{trial.novel.sum()} of {len(trial.scores)} pictures look novel; {trial.seconds:.0f} s")
    print(out / "page.html")


@app.command()
def demo(
    digits: Annotated[str, Option(help="Normal digits, one after the other.")] = "8130",
    epochs: Annotated[int, Option(min=2, help="Of each network; 30 in the tables.")] = 15,
) -> None:
    """Train the networks of the page "A digit to draw" on MNIST, and write them beside it."""
    from report import draw_digit

    with plain_errors(OSError):
        draw_digit.export(digits, epochs)


@app.command()
def slides(
    out: Annotated[Path, Option(help="The file to write.")],
    format: Annotated[Literal["html", "pptx"], Option(help="What to show it with.")] = "html",
    template: Path | None = Option(None, help="pptx: a lab's own; its layouts and size are kept."),
    chapters: str | None = Option(None, help="Names, with commas between; all if none is given."),
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
