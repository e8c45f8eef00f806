"""What a notebook may be given, read from its parameters cell and checked before a kernel starts.

>>> validate(Path("notebooks/class_imbalance.ipynb"), {"epochs": "3"})
{'epochs': 3}
"""

import ast
import math
from pathlib import Path

import click
import nbformat
from click import Choice, FloatRange, IntRange
from papermill.models import Parameter
from papermill.translators import PythonTranslator

from ocnd_lib.data import class_index, known_sets
from ocnd_lib.records import LARGEST_SEED
from ocnd_lib.registry import WITH_MASKS

# What a value must be by its type, and, by its name, where that says more.
TYPES = {
    "bool": click.BOOL, "int": IntRange(0), "float": FloatRange(0, min_open=True),
    "str": click.STRING,
}  # fmt: skip
RULES = {
    **dict.fromkeys(("epochs", "batch_size", "latent_dim", "width", "mining_steps"), IntRange(1)),
    "per_class": IntRange(2),
    "seed": IntRange(0, LARGEST_SEED),
    "background_correlation": FloatRange(0, 1),
    "classifier": Choice(["none", "generated", "auxiliary", "oracle"]),
    "guidance": Choice(["whole", "masked"]),
    "layer": Choice(["body.2", "body.3"]),
    "method": Choice([*WITH_MASKS, "ocsvm", "kde"]),
    "device": Choice(["cpu", "cuda"]),
}


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
    """Read the cell tagged `parameters`, a line each: `name: type = default  # help`.

    Raises ValueError for a file that is no notebook, and for a default that is not of its type.
    """
    try:
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
        parameters[found.name] = found._replace(default=default)
    return parameters


def described(notebook: Path) -> str:
    """A line for each parameter of a notebook: its name, default, range or choices, and meaning."""
    lines = [
        f"  {name} = {p.default!r}  ({_rule(name, p.inferred_type_name)!r})  {p.help}"
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
            converted[name] = check(name, value, parameters[name].inferred_type_name)
        except KeyError:
            wrong.append(f"there is no parameter {name!r}")
        except ValueError as error:
            wrong.append(str(error))
    every = {name: found.default for name, found in parameters.items()} | converted
    try:
        if {"dataset", "normal_class"} <= every.keys():
            class_index(every["dataset"], every["normal_class"])
    except ValueError as error:
        wrong.append(str(error))
    if wrong:
        raise ValueError(f"{notebook.name}: {'; '.join(wrong)}\nIt accepts:\n{described(notebook)}")
    return converted
