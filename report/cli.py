"""The `ocnd` command. Everything heavy is imported by the command that needs it."""

import os
import sys
import warnings
from contextlib import suppress
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
        if "--help" in args and words and "/" not in words[0]:
            from report.parameters import described
            from report.runs import find_notebook

            print(f"{words[0]} takes:\n{described(find_notebook(words[0]))}")
            ctx.exit()
        rest = iter(args)
        pairs = (f"-p{next(rest, '')}={next(rest, '')}" if w == "-p" else w for w in rest)
        return super().parse_args(ctx, list(pairs))


def fail(message: object, code: int) -> None:
    """End with one message."""
    with suppress(OSError):  # where stdout is full, what is left to print would fail once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"ocnd: {message}", file=sys.stderr)
    sys.exit(code)


class OneMessage(TyperGroup):
    """Commands that end with one message when their input, their work or the machine fails."""

    def invoke(self, ctx):
        """Run the command that the arguments name, until it ends or is interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # threads may still wait for kernels; those end by themselves once this process is gone
            sys.stdout.flush()
            print("\nocnd: stopped", file=sys.stderr, flush=True)
            os._exit(130)

    def main(self, *args, **options):
        """Run as always, and tell by the exit code whether the input was wrong or work failed."""
        try:
            try:
                return super().main(*args, **options)
            finally:
                sys.stdout.flush()
        except (ValueError, PermissionError) as error:
            # where no locale is set, Python may be kept from reading names that are not ASCII
            why = "; set PYTHONUTF8=1" if isinstance(error, UnicodeEncodeError) else ""
            fail(f"{error}{why}", BAD)
        except (OSError, MemoryError, RuntimeError) as error:
            if type(error) is RuntimeError:
                raise  # a mistake of the code, which its traceback tells
            fail(str(error) or "out of memory", FAILED)


app = typer.Typer(
    cls=OneMessage,
    help="Run and render the report on one-class novelty detection.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# a damaged record, say, is one line, like an error
warnings.formatwarning = lambda message, *_, **__: f"ocnd: {message}\n"


@app.command()
def book(
    jobs: int = Option(2, min=1, help="Notebooks executed at a time."),
    again: bool = Option(False, "--again", help="Execute unchanged ones too."),
) -> None:
    """Execute the notebooks that changed, render the book, print where it is."""
    from report.pages import build

    print(build(jobs, again))


@app.command(cls=NameValueCommand)
def run(
    target: str = Argument(..., help="A notebook, or a cell such as digits/vgg11/8/0."),
    parameters: list[str] = Option([], "-p", metavar="NAME VALUE", help="One parameter; repeat."),
) -> None:
    """Execute one notebook with other parameters, or run one cell of a table."""
    given = dict(pair.partition("=")[::2] for pair in parameters)
    if "" in given or "" in given.values():
        raise ValueError("-p needs a name and a value, for example: -p epochs 3")
    if "/" in target and not target.endswith(".ipynb"):
        from ocnd_lib.experiments import run_cell
        from ocnd_lib.records import parse_cell, table

        if given:
            raise ValueError("a cell takes no -p: its name says it all")
        record = run_cell(target)
        print(table([record]).T.to_string(header=False))
        print(parse_cell(record["cell"]).path())
        return
    from report.pages import render_alone
    from report.parameters import read_parameters
    from report.runs import execute, find_notebook

    done = execute(source := find_notebook(target), given)
    for name, value in given.items():
        print(f"changed: {name} is {value}, by default {read_parameters(source)[name].default}")
    if any(done.figures.iterdir()):
        print(f"figures: {done.figures}")
    print(f"{done.notebook}" if done.seconds else f"{done.notebook} (unchanged)")
    print(render_alone(done))


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
    dry_run: bool = Option(False, "--dry-run", help="Only say what would run."),
) -> None:
    """Run the cells that have no record yet, several at a time.

    With neither data sets nor methods: every cell that the report rests on, most valuable first.
    """
    from ocnd_lib import sweep as sweeps
    from ocnd_lib.data import DataError, check_available
    from ocnd_lib.records import parse_cell, read_record
    from report import plan

    everything = datasets is methods is classes is seeds is None
    if everything:
        wanted = plan.report_cells()
    else:
        counted = sweeps.parse_seeds("0" if seeds is None else seeds)
        only = None if classes is None else _names(classes)
        wanted = sweeps.cells(_names(datasets), _names(methods), counted, only)
    missing = [cell for cell in wanted if read_record(cell) is None]
    print(f"To run: {len(missing)} cells", flush=True)
    if missing:
        print(plan.count_kinds(missing).to_string(na_rep="unknown"), flush=True)
    if dry_run:
        return print("\n".join(missing))
    for name in dict.fromkeys(parse_cell(cell).dataset for cell in missing):
        try:
            check_available(name)  # what cannot be had shows before any worker starts
        except DataError as error:
            if not everything:
                raise
            print(f"Left out: {error}", file=sys.stderr)
            wanted = [cell for cell in wanted if parse_cell(cell).dataset != name]
    outcome = sweeps.sweep(wanted, workers, max_minutes, nice, scheduler)
    print(", ".join(f"{kind}: {len(found)}" for kind, found in outcome.items()))
    if outcome["failed"]:
        fail("\n".join(["these cells failed:", *outcome["failed"]]), FAILED)


def _names(text: str | None) -> list[str]:
    return [word for word in (text or "").split(",") if word]


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
    from ocnd_lib.data import DATASETS, prepare
    from ocnd_lib.masked import build_masked
    from ocnd_lib.records import read_records

    if name in BUILT or (given and name not in DATASETS):
        made = build_masked(name, say=print, **given)
        images = made.without_masks()
    elif given:
        raise ValueError(f"{name} takes no options; {', '.join(BUILT)} and sets of your own do")
    else:
        images = made = prepare(name)
    for part in ("train", "test"):
        x, y = getattr(images, f"x_{part}"), getattr(images, f"y_{part}")
        print(f"{part:5}  {len(x):>6} images  {' x '.join(map(str, x.shape[1:]))}  {x.dtype}")
        for index, label in enumerate(images.class_names):
            print(f"{'':5}  {(y == index).sum():>6} {label}")
    if images.inexact:
        print(f"{images.inexact} images are no originals, says the file")
    print(f"fingerprint {made.fingerprint}")
    if name not in DATASETS:  # whose cells, once recorded, would not be run again
        found = [record.get("data_fingerprint") for record in read_records(pattern=f"{name}/*/*")]
        if old := [each for each in found if each not in (made.fingerprint, images.fingerprint)]:
            print(f"{len(old)} records are of another {name}: remove them, or take another name")


@app.command()
def records(format: Format = "text") -> None:
    """List the runs that are recorded."""
    from ocnd_lib.records import read_records, records_folder, table
    from report.tables import written

    found = read_records()
    if found or format != "text":
        print(written(table(found), format), end="")
    else:
        print(f"no record yet in {records_folder()}")


@app.command()
def table(
    datasets: list[str] = Argument(..., help="Data sets, such as cifar10."),
    format: Format = "text",
) -> None:
    """Print the mean AUROCs of data sets, as printed and as recorded here with intervals."""
    from report.tables import listed, results, written

    found = listed({name: results(name) for name in datasets})
    if found.empty:
        raise ValueError("nothing is printed or recorded of it; run cells with: ocnd sweep")
    print(written(found.round(4), format), end="")


@app.command()
def figures(
    out: Path = Option(..., help="The folder to write to."),
    only: str | None = Option(None, help="The name of one figure."),
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
        raise ValueError(f"there is no figure {only!r}; there are: {', '.join(sorted(FIGURES))}")
    with look(style):
        for name in [only] if only else FIGURES:
            try:
                save_figure(drawn(FIGURES[name], style, lang), name, out)
                print(out / f"{name}.svg")
            except NoRecords as missing:
                if only:
                    raise
                print(f"{name}: {missing}", file=sys.stderr)


@app.command("try")
def try_(
    normal: Path = Option(..., exists=True, file_okay=False, help="The folder of normal pictures."),
    test: Path = Option(..., exists=True, file_okay=False, help="The folder of pictures to judge."),
    method: str = Option("rotation", help="Any of ae, ocgan, rotation ..."),
    out: Path = Option("own_images", help="The folder to write to."),
    seed: int = Option(0, min=0, max=2**32 - 1, help="Draws the pictures held back."),
) -> None:
    """Judge pictures of your own by normal ones of your own; writes scores.csv and page.html."""
    from data_prep.files import replace_file
    from report import own_images

    own_images.check_request(normal, test, method, out)
    trial = own_images.run_trial(normal, test, method, seed)
    replace_file(out / "scores.csv", lambda file: trial.table.to_csv(file, index=False))
    own_images.write_page(trial, out / "page.html")
    for line in [*(f"not read: {said}" for said in trial.unreadable), *trial.notes]:
        print(line)
    print(f"{trial.table['novel'].sum()} of {len(trial.table)} pictures look novel")
    print(out / "page.html")


@app.command()
def demo(
    digits: str = Option("8130", help="Normal digits, one after the other."),
    epochs: int = Option(15, min=2, help="Of each network; 30 in the tables."),
) -> None:
    """Train the networks of the page "A digit to draw" on MNIST, and write them beside it."""
    from report import draw_digit

    draw_digit.export(digits, epochs)


@app.command()
def slides(
    out: Path = Option(..., help="The file to write."),
    format: Literal["html", "pptx"] = Option("html", help="What to show it with."),
    template: Path | None = Option(None, help="pptx: a lab's own; its layouts and size are kept."),
    chapters: str | None = Option(None, help="Names, with commas between; all if none is given."),
    lang: Language = "en",
    minutes: int = Option(20, min=2, help="Fewer minutes, fewer slides."),
) -> None:
    """Make a talk of the recorded figures: answers, figures, scorecard, limits, notes."""
    from report.slides import make_slides

    made = make_slides(out, format, template, _names(chapters), lang, minutes)
    print(f"{made} slides\n{out}")


if __name__ == "__main__":
    app()
