"""What a notebook may be given, read from its parameters cell and checked before a kernel starts.

>>> validate(Path("notebooks/class_imbalance.ipynb"), {"epochs": "3"})
{'epochs': 3}
"""

import ast
import math
import warnings
from pathlib import Path
from typing import NamedTuple

import click
import nbformat
from click import Choice, FloatRange, IntRange
from papermill.translators import PythonTranslator

from ocnd_lib.data import known_sets
from ocnd_lib.registry import WITH_MASKS

# What a value must be by its type, and, by its name, where that says more.
TYPES = {
    "bool": click.BOOL, "int": IntRange(0), "float": FloatRange(0, min_open=True),
    "str": click.STRING,
}  # fmt: skip
RULES = {
    **dict.fromkeys(("epochs", "batch_size", "latent_dim", "width", "mining_steps"), IntRange(1)),
    "per_class": IntRange(2),
    "background_correlation": FloatRange(0, 1),
    "classifier": Choice(["none", "generated", "auxiliary", "oracle"]),
    "guidance": Choice(["whole", "masked"]),
    "layer": Choice(["body.2", "body.3"]),
    "method": Choice([*WITH_MASKS, "ocsvm", "kde"]),
    "device": Choice(["cpu", "cuda"]),
}


class Parameter(NamedTuple):
    """One line of a parameters cell: `name: type = default  # help`."""

    type: str
    default: bool | int | float | str
    help: str


def _rule(name: str, kind: str) -> click.ParamType:
    # a set may have been built since this module was read
    return Choice(known_sets()) if name == "dataset" else RULES.get(name, TYPES[kind])


def check(name: str, value: object, kind: str) -> bool | int | float | str:
    """A value, or its text, in this type; ValueError if the parameter of this name cannot be it."""
    try:
        found = _rule(name, kind).convert(str(value), None, None)
    except click.BadParameter as error:
        raise ValueError(f"{name}: {error.message}") from None
    if kind == "float" and not math.isfinite(found):
        raise ValueError(f"{name}: {found} is not finite")
    return found


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read the cell tagged `parameters` as papermill does; empty for a notebook without one.

    Raises ValueError for a file that is no notebook, and for a default that is not of its type.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, which older notebooks have
            content = nbformat.read(notebook, as_version=4)
            nbformat.validate(content)
        tagged = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    except Exception as error:  # the validator's are of many kinds
        why = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{notebook} is not a notebook: {why}") from error
    parameters = {}
    for found in PythonTranslator.inspect(tagged[0]) if tagged else []:
        try:
            kind, default = found.inferred_type_name, ast.literal_eval(found.default)
            if kind not in TYPES or type(default).__name__ != kind:
                raise ValueError(f"{default!r} is no {kind}")
        except (ValueError, SyntaxError) as error:
            raise ValueError(
                f"{notebook}, parameter {found.name}: {error}; write one "
                f"`name: type = literal  # help` a line, its type one of {', '.join(TYPES)}"
            ) from error
        parameters[found.name] = Parameter(kind, default, found.help)
    return parameters


def described(notebook: Path) -> str:
    """A line for each parameter of a notebook: its name, default, range or choices, and meaning."""
    lines = [
        f"  {name} = {p.default!r}  ({_rule(name, p.type)!r})  {p.help}"
        for name, p in read_parameters(notebook).items()
    ]
    return "\n".join(lines or ["  nothing"])


def validate(notebook: Path, given: dict[str, object]) -> dict[str, bool | int | float | str]:
    """Return the given values in the types of the notebook's parameters cell; text is converted.

    Raises one ValueError that lists everything wrong with them and everything the notebook accepts.
    """
    parameters, converted, wrong = read_parameters(notebook), {}, []
    for name, value in given.items():
        try:
            converted[name] = check(name, value, parameters[name].type)
        except KeyError:
            wrong.append(f"there is no parameter {name!r}")
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        told = "\n".join(["; ".join(wrong), "It accepts:", described(notebook)])
        raise ValueError(f"{Path(notebook).name}: {told}")
    return converted
