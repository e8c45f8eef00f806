"""What a notebook may be given, read from its parameters cell and checked before a kernel starts.

>>> validate(Path("notebooks/class_imbalance.ipynb"), {"epochs": "3"})
{'epochs': 3}
"""

import ast
import difflib
import io
import json
import math
import re
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ocnd_lib.data import known_sets
from ocnd_lib.protocol import WITH_MASKS

TYPES = {"bool": bool, "int": int, "float": float, "str": str}


class Parameter(NamedTuple):
    """One line of a parameters cell: `name: type = default  # help`."""

    type: type
    default: bool | int | float | str
    help: str


class Rule(NamedTuple):
    """The values a name may take: their types, a test, the words that complete "it must be ..."."""

    types: tuple[type, ...]
    allows: Callable[[object], bool]
    words: str


def _one_of(*choices: str) -> Rule:
    return Rule((str,), lambda value: value in choices, "one of " + ", ".join(choices))


def _at_least(low: int) -> Rule:
    return Rule((int,), lambda value: value >= low, f"a whole number, {low} or more")


def _list_of(word: str, words: str) -> Rule:
    return Rule((str,), lambda value: bool(re.fullmatch(f"{word}(,{word})*", value)), words)


ABOVE_0 = Rule((float,), lambda value: value > 0, "a number above 0")
SHARE = Rule((float,), lambda value: 0 <= value <= 1, "a number from 0 to 1")
YES_OR_NO = Rule((bool,), lambda value: True, "true or false")
A_CLASS = Rule(
    (int, str),
    lambda value: value >= 0 if isinstance(value, int) else value.strip() != "",
    "the index of a class, from 0, or its name",
)
SIZES = _list_of(r" *0*[1-9]\d* *", "whole numbers, 1 or more, with commas between")
NAMES = _list_of(r"[\w/ -]+", "names with commas between")
SEEDS = _list_of(r"\d+(-\d+)?", "seeds like 0-4 or 0,2,5")

# Every name that a notebook of this report may have as a parameter.
RULES = {
    "dataset": Rule((str,), lambda word: word in known_sets(), "one of " + ", ".join(known_sets())),
    "normal_class": A_CLASS,
    "background_correlation": SHARE,
    "seed": _at_least(0),
    **dict.fromkeys(("epochs", "batch_size", "latent_dim", "width"), _at_least(1)),
    **dict.fromkeys(("mining_steps", "workers"), _at_least(1)),
    "per_class": _at_least(2),
    **dict.fromkeys(("gain", "learning_rate", "ratio", "step_size", "temperature"), ABOVE_0),
    **dict.fromkeys(("batch_norm", "cbam", "mining", "pretrain_mask", "reinitialise"), YES_OR_NO),
    **dict.fromkeys(("methods", "classes"), NAMES),
    **dict.fromkeys(("cells", "latent_dims"), SIZES),
    "seeds": SEEDS,
    "class_weight": _one_of("none", "balanced"),
    "classifier": _one_of("none", "generated", "auxiliary", "oracle"),
    "guidance": _one_of("whole", "masked"),
    "layer": _one_of("body.2", "body.3"),
    "method": _one_of(*WITH_MASKS, "ocsvm", "kde"),
    "preset": _one_of("quick", "full"),
}


def check(name: str, value: object) -> None:
    """Raise ValueError if no notebook has a parameter of this name, or not with this value."""
    if name not in RULES:
        raise ValueError(f"unknown parameter {name!r}; there are: {', '.join(RULES)}")
    rule = RULES[name]
    if type(value) not in rule.types or not rule.allows(value):
        raise ValueError(f"{name} must be {rule.words}, not {value!r}")


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read the cell tagged `parameters`; empty for a notebook without one.

    Raises ValueError for a file that is no notebook, and for a line of the cell that is not
    `name: bool|int|float|str = literal  # help`.
    """
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{notebook} is not a notebook: {error}") from error
    tagged = [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", [])
    ]
    if len(tagged) > 1:
        raise ValueError(f"{notebook} has {len(tagged)} cells tagged `parameters`; one is allowed")
    return _parse(tagged[0], notebook) if tagged else {}


def _parse(source: str, notebook: Path) -> dict[str, Parameter]:
    def wrong(line: int, why: str) -> ValueError:
        return ValueError(
            f"{notebook}, parameters cell, line {line}: {why}; "
            "write one `name: type = literal  # help` a line"
        )

    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise wrong(error.lineno or 1, str(error.msg)) from error
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    helps = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}

    parameters, lines = {}, set()
    for statement in statements:
        line = statement.lineno
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            raise wrong(line, "this is no annotated assignment")
        if line != statement.end_lineno or line in lines:
            raise wrong(line, "this is more or less than one line")
        lines.add(line)
        kind = TYPES.get(ast.unparse(statement.annotation))
        if kind is None:
            raise wrong(line, f"the type must be one of {', '.join(TYPES)}")
        try:
            default = _typed(ast.literal_eval(statement.value), kind)
        except (ValueError, TypeError) as error:
            raise wrong(line, f"the value is no {kind.__name__} literal") from error
        parameters[statement.target.id] = Parameter(kind, default, helps.get(line, ""))
    return parameters


def validate(notebook: Path, given: dict[str, object]) -> dict[str, bool | int | float | str]:
    """Return the given values in the types of the notebook's parameters cell; text is converted.

    Raises one ValueError that lists everything wrong with them and everything the notebook accepts.
    """
    parameters = read_parameters(notebook)
    converted, wrong = {}, []
    for name, value in given.items():
        if name not in parameters:
            close = difflib.get_close_matches(name, parameters, 1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            wrong.append(f"there is no parameter {name!r}{hint}")
            continue
        try:
            kind = parameters[name].type
            as_text = isinstance(value, str) and kind is not str
            converted[name] = _typed(_from_text(value, kind) if as_text else value, kind)
            if name in RULES:
                check(name, converted[name])
        except ValueError as error:
            wrong.append(str(error) if name in converted else f"{name}: {error}")
    if wrong:
        accepted = describe(parameters) if parameters else "  nothing: it has no parameters cell"
        raise ValueError(f"{Path(notebook).name}: {'; '.join(wrong)}\nIt accepts:\n{accepted}")
    return converted


def describe(parameters: dict[str, Parameter]) -> str:
    """Return one aligned line a parameter: name, type, default, help."""
    rows = [
        (name, p.type.__name__, f"default {p.default!r}", p.help) for name, p in parameters.items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, (*widths, 0), strict=True)) for row in rows)
    return "\n".join("  " + line.rstrip() for line in lines)


def _typed(value: object, kind: type) -> bool | int | float | str:
    value = float(value) if kind is float and type(value) is int else value
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{value!r} is not finite")
    return value


def _from_text(text: str, kind: type) -> bool | int | float:
    truth = {"true": True, "false": False}
    try:
        return truth[text.strip().lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise ValueError(f"{text!r} is no {kind.__name__}") from None
