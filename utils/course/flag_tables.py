"""Red flags as a notebook shows them: one line, and the table behind it."""

import pandas as pd
from pandas.io.formats.style import Styler

from utils.course.tables import LEFT
from utils.evaluation.flags.advice import ADVICE
from utils.evaluation.flags.judging import NOT_RESOLVED
from utils.figures.elements.style import plural
from utils.figures.page import Folded

NOT_RAISED = "not raised"
RAISED = "raised"  # the class of such a cell, which the site has in red as well


def flag_line(flags: pd.DataFrame) -> Folded:
    """The red flags in one line, such as "5 checks, none raised", with their table behind it.

    It counts the checks that could not tell: that nothing is raised says less where some could not.
    """
    raised = ", ".join(flags["flag"][flags["red"]]) or "none"
    return Folded(f"{_counted(flags)}, {raised} raised", coloured_flags(flags))


def _counted(flags: pd.DataFrame) -> str:
    count, checks = int(flags["reason"].str.startswith(NOT_RESOLVED).sum()), len(flags)
    return plural(checks, "check") + (f", {count} not resolved" if count else "")


def coloured_flags(flags: pd.DataFrame) -> Styler:
    """The table of flags to look at, with the raised ones in red."""
    table = flag_table(flags).reset_index()  # several models may have a flag of one name
    raised = pd.DataFrame({"verdict": flags["red"].map({True: RAISED, False: ""}).to_numpy()})
    looks = [{"selector": f"td.{RAISED}", "props": "color: #c62828"}, *LEFT]
    shown = Styler(table, uuid="flags", cell_ids=False).format(escape="html").hide(axis="index")
    return shown.set_td_classes(raised).set_table_styles(looks)


def flag_table(flags: pd.DataFrame) -> pd.DataFrame:
    """Red flags for the reader, each with its reason; one may be not applicable or not resolved.

    A red one has its advice as well.
    """
    verdicts = [
        f"RED: {reason}. {ADVICE.get(flag, '')}".strip() if red else reason or NOT_RAISED
        for flag, red, reason in zip(flags["flag"], flags["red"], flags["reason"], strict=True)
    ]
    return pd.DataFrame({"flag": flags["flag"], "verdict": verdicts}).set_index("flag")
