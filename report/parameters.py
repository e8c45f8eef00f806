"""What a notebook may be given, read from its parameters cell and checked before a kernel starts.

>>> validate(Path("notebooks/class_imbalance.ipynb"), {"epochs": "3"})
{'epochs': 3}
"""

import ast
import difflib
import json
import math
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import click
import nbformat
from click import Choice, FloatRange, IntRange

from ocnd_lib.data import known_sets
from ocnd_lib.registry import WITH_MASKS

TYPES = {"bool": bool, "int": int, "float": float, "str": str}
LINE = re.compile(rf"(\w+): ({'|'.join(TYPES)}) = (.+)")


class ListOf(click.ParamType):
    """Words of a form, with commas between."""

    def __init__(self, word: str, name: str):
        self.word, self.name = word, name

    def convert(self, value, param, ctx) -> str:
        """The same text; BadParameter if a word has another form."""
        if not re.fullmatch(f"{self.word}(,{self.word})*", value):
            self.fail(f"{value!r} is not {self.name}")
        return value


# What a value must be by its type, and, by its name, where that says more.
KINDS = {bool: click.BOOL, int: IntRange(0), float: FloatRange(0, min_open=True), str: click.STRING}
RULES = {
    **dict.fromkeys(("epochs", "batch_size", "latent_dim", "width"), IntRange(1)),
    **dict.fromkeys(("mining_steps", "workers"), IntRange(1)),
    "per_class": IntRange(2),
    "background_correlation": FloatRange(0, 1),
    "classifier": Choice(["none", "generated", "auxiliary", "oracle"]),
    "guidance": Choice(["whole", "masked"]),
    "layer": Choice(["body.2", "body.3"]),
    "method": Choice([*WITH_MASKS, "ocsvm", "kde"]),
    "preset": Choice(["quick", "full"]),
    **dict.fromkeys(("methods", "classes"), ListOf(r"[\w/ -]+", "names with commas between")),
    **dict.fromkeys(
        ("cells", "latent_dims"),
        ListOf(r" *0*[1-9]\d* *", "whole numbers, 1 or more, with commas between"),
    ),
    "seeds": ListOf(r"\d+(-\d+)?", "seeds like 0-4 or 0,2,5"),
}


class Parameter(NamedTuple):
    """One line of a parameters cell: `name: type = default  # help`."""

    type: type
    default: bool | int | float | str
    help: str


def _rule(name: str, kind: type) -> click.ParamType:
    # a set may have been built since this module was read
    return Choice(known_sets()) if name == "dataset" else RULES.get(name, KINDS[kind])


def check(name: str, value: object, kind: type = str) -> bool | int | float | str:
    """A value, or its text, in this type; ValueError if the parameter of this name cannot be it."""
    try:
        found = _rule(name, kind).convert(str(value), None, None)
        if kind is float and not math.isfinite(found):
            raise click.BadParameter(f"{found} is not finite")
        return found
    except click.BadParameter as error:
        raise ValueError(f"{name}: {error.message}") from None


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read the cell tagged `parameters`; empty for a notebook without one.

    Stricter than papermill, which passes over a line that it cannot read. Raises ValueError for a
    file that is no notebook, and for a line that is not `name: type = literal  # help`.
    """
    try:
        content = json.loads(Path(notebook).read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, which older notebooks have
            nbformat.validate(content, version=4)
        tagged = [
            "".join(cell["source"])
            for cell in content["cells"]
            if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", [])
        ]
    except Exception as error:  # the validator's are of many kinds
        why = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{notebook} is not a notebook: {why}") from error
    if len(tagged) > 1:
        raise ValueError(f"{notebook} has {len(tagged)} cells tagged `parameters`; one is allowed")
    parameters = {}
    for number, line in enumerate("".join(tagged).splitlines(), 1):
        try:
            name, word, text = LINE.fullmatch(line).groups()
            default, kind = ast.literal_eval(text), TYPES[word]
            if type(default) is not kind and (kind, type(default)) != (float, int):
                raise ValueError(f"{default!r} is no {word}")
        except (AttributeError, ValueError, SyntaxError) as error:
            raise ValueError(
                f"{notebook}, parameters cell, line {number}: {line!r}; write one "
                f"`name: type = literal  # help` a line, its type one of {', '.join(TYPES)}"
            ) from error
        parameters[name] = Parameter(kind, kind(default), text.partition("  # ")[2])
    return parameters


def described(notebook: Path) -> list[str]:
    """A line for each parameter of a notebook: its name, type, range, default and meaning."""
    lines = []
    for name, p in read_parameters(notebook).items():
        rule = _rule(name, p.type)
        allowed = p.type.__name__
        if isinstance(rule, Choice):
            allowed = " | ".join(rule.choices)
        elif isinstance(rule, IntRange | FloatRange):
            allowed += f" {'>' if rule.min_open else '>='} {rule.min}"
            allowed += "" if rule.max is None else f", <= {rule.max}"
        elif isinstance(rule, ListOf):
            allowed = rule.name
        lines.append(f"  {name} = {p.default!r}  ({allowed})  {p.help}".rstrip())
    return lines or ["  nothing: it has no parameters cell"]


def validate(notebook: Path, given: dict[str, object]) -> dict[str, bool | int | float | str]:
    """Return the given values in the types of the notebook's parameters cell; text is converted.

    Raises one ValueError that lists everything wrong with them and everything the notebook accepts.
    """
    parameters, converted, wrong = read_parameters(notebook), {}, []
    for name, value in given.items():
        try:
            converted[name] = check(name, value, parameters[name].type)
        except KeyError:
            close = difflib.get_close_matches(name, parameters, 1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            wrong.append(f"there is no parameter {name!r}{hint}")
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        told = "\n".join(["; ".join(wrong), "It accepts:", *described(notebook)])
        raise ValueError(f"{Path(notebook).name}: {told}")
    return converted
