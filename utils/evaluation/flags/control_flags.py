"""The red flag of a measure of fakes: real images of other patients must not look like fakes."""

from collections.abc import Mapping

import pandas as pd

from utils.evaluation.flags.judging import evaluate_flags


def _beyond_chance(control: Mapping[str, float]) -> str | None:
    if control["low"] > control["chance"]:
        return f"{control['value']:.3g} (from {control['low']:.3g}), chance {control['chance']:.3g}"


CONTROL_FLAGS = {"the real control lies beyond chance": _beyond_chance}


def check_control(control: Mapping[str, float]) -> pd.DataFrame:
    """The flag about the distance between two sets of real images: value, low and chance."""
    return evaluate_flags(CONTROL_FLAGS, control)
