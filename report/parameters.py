"""What a notebook may be given, read from its parameters cell and checked before a kernel starts.

>>> validate(Path("notebooks/class_imbalance.ipynb"), {"epochs": "3"})
{'epochs': 3}
"""

import ast
import difflib
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat

from ocnd_lib.data import known_sets

TYPES = {"bool": bool, "int": int, "float": float, "str": str}
LINE = re.compile(rf"(\w+): ({'|'.join(TYPES)}) = (.+)")
Rule = tuple[Callable[[object], bool], str]  # what a value must pass, and "it must be ..."


class Parameter(NamedTuple):
    """One line of a parameters cell: `name: type = default  # help`."""

    type: type
    default: bool | int | float | str
    help: str


def _at_least(low: int) -> Rule:
    return lambda value: value >= low, f"a whole number, {low} or more"


def _one_of(*choices: str) -> Rule:
    return lambda value: value in choices, "one of " + ", ".join(choices)


def _list_of(word: str, words: str) -> Rule:
    return lambda value: bool(re.fullmatch(f"{word}(,{word})*", value)), words


def _is_class(value: int | str) -> bool:
    return value >= 0 if isinstance(value, int) else value.strip() != ""


# Every name that a notebook of this report may have as a parameter.
RULES: dict[str, Rule] = {
    "dataset": (lambda name: name in known_sets(), "one of " + ", ".join(known_sets())),
    "normal_class": (_is_class, "the index of a class, from 0, or its name"),
    "background_correlation": (lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    "seed": _at_least(0),
    **dict.fromkeys(("epochs", "batch_size", "latent_dim", "width"), _at_least(1)),
    **dict.fromkeys(("mining_steps", "workers"), _at_least(1)),
    "per_class": _at_least(2),
    **dict.fromkeys(
        ("gain", "learning_rate", "ratio", "step_size", "temperature"),
        (lambda value: value > 0, "a number above 0"),
    ),
    **dict.fromkeys(
        ("batch_norm", "cbam", "mining", "pretrain_mask", "reinitialise"),
        (lambda value: True, "true or false"),
    ),
    **dict.fromkeys(("methods", "classes"), _list_of(r"[\w/ -]+", "names with commas between")),
    **dict.fromkeys(
        ("cells", "latent_dims"),
        _list_of(r" *0*[1-9]\d* *", "whole numbers, 1 or more, with commas between"),
    ),
    "seeds": _list_of(r"\d+(-\d+)?", "seeds like 0-4 or 0,2,5"),
    "classifier": _one_of("none", "generated", "auxiliary", "oracle"),
    "guidance": _one_of("whole", "masked"),
    "layer": _one_of("body.2", "body.3"),
    "preset": _one_of("quick", "full"),
}


def check(name: str, value: object) -> None:
    """Raise ValueError if no notebook has a parameter of this name, or not with this value."""
    if name not in RULES:
        raise ValueError(f"unknown parameter {name!r}; there are: {', '.join(RULES)}")
    allows, words = RULES[name]
    if not allows(value):
        raise ValueError(f"{name} must be {words}, not {value!r}")


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read the cell tagged `parameters`; empty for a notebook without one.

    Stricter than papermill, which passes over a line that it cannot read. Raises ValueError for a
    file that is no notebook, and for a line that is not `name: type = literal  # help`.
    """
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{notebook} is not a notebook: {error}") from error
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) > 1:
        raise ValueError(f"{notebook} has {len(tagged)} cells tagged `parameters`; one is allowed")
    parameters = {}
    for number, line in enumerate("".join(tagged).splitlines(), 1):
        try:
            name, kind, value = LINE.fullmatch(line).groups()
            default = _typed(ast.literal_eval(value), TYPES[kind])
        except (AttributeError, ValueError, SyntaxError) as error:
            raise ValueError(
                f"{notebook}, parameters cell, line {number}: {line!r}; write one "
                f"`name: type = literal  # help` a line, its type one of {', '.join(TYPES)}"
            ) from error
        parameters[name] = Parameter(TYPES[kind], default, value.partition("  # ")[2])
    return parameters


def validate(notebook: Path, given: dict[str, object]) -> dict[str, bool | int | float | str]:
    """Return the given values in the types of the notebook's parameters cell; text is converted.

    Raises one ValueError that lists everything wrong with them and everything the notebook accepts.
    """
    parameters, converted, wrong = read_parameters(notebook), {}, []
    for name, value in given.items():
        if name not in parameters:
            close = difflib.get_close_matches(name, parameters, 1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            wrong.append(f"there is no parameter {name!r}{hint}")
            continue
        try:
            kind = parameters[name].type
            converted[name] = _typed(_from_text(value, kind), kind)
            if name in RULES:
                check(name, converted[name])
        except ValueError as error:
            wrong.append(str(error) if name in converted else f"{name}: {error}")
    if wrong:
        accepted = [
            f"  {name:<16} {p.type.__name__:<6} default {p.default!r:<20} {p.help}".rstrip()
            for name, p in parameters.items()
        ] or ["  nothing: it has no parameters cell"]
        told = "\n".join(["; ".join(wrong), "It accepts:", *accepted])
        raise ValueError(f"{Path(notebook).name}: {told}")
    return converted


def _from_text(value: object, kind: type) -> object:
    if not isinstance(value, str) or kind is str:
        return value
    truth = {"true": True, "false": False}
    try:
        return truth[value.strip().lower()] if kind is bool else kind(value)
    except (KeyError, ValueError):
        raise ValueError(f"{value!r} is no {kind.__name__}") from None


def _typed(value: object, kind: type) -> bool | int | float | str:
    value = float(value) if kind is float and type(value) is int else value
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{value!r} is not finite")
    return value
