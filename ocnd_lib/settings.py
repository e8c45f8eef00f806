"""Whether the settings of a method are such that it can work with them at all."""

import math
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Literal, get_args, get_origin

import numpy as np

# whole numbers of which 0 makes sense; all others count something that must be there
MAY_BE_0 = frozenset({"seed", "search_steps", "mining_steps"}) | {
    f"{phase}_epochs" for phase in ("pretrain", "encoder", "mask", "joint", "masked")
}


def check_settings(
    settings: Mapping[str, object], types: Mapping[str, type], may_be_0: Collection[str] = MAY_BE_0
) -> None:
    """Raise ValueError for a setting that is not of the type given for its name, or out of range.

    Whole numbers start at 1, or at 0 where `may_be_0` has the name; numbers are finite and from 0;
    a rate is above 0. Types are bool, int, float, str and Literal.
    """
    for name, value in settings.items():
        kind, least = types.get(name), 0 if name in may_be_0 else 1
        truth = isinstance(value, bool | np.bool_)
        if kind is bool:
            right, words = truth, "True or False"
        elif kind is int:
            right = isinstance(value, Integral) and not truth and value >= least
            words = f"a whole number, {least} or more"
        elif kind is float:
            number = isinstance(value, Real) and not truth and math.isfinite(value)
            rate = name.endswith("_rate")
            right = number and (value > 0 if rate else value >= 0)
            words = "a number above 0" if rate else "a number, 0 or more"
        elif get_origin(kind) is Literal:
            right, words = value in get_args(kind), f"one of {', '.join(get_args(kind))}"
        else:
            right, words = kind is not str or isinstance(value, str), "a word"
        if not right:
            raise ValueError(f"{name} must be {words}, not {value!r}")
