"""Red flags: signs that a score is wrong. Clean, under attack, and as a report prints it."""

from utils import exports

# What the package above passes on, by the module that defines it.
__getattr__ = exports(
    __name__,
    control_flags="check_control",
    red_flags="check_attack check_clean",
    reporting_flags="Report check_report",
)
