"""Every picture: arrays in, Figure out. Nothing is shown, saved or trained here.

A new picture is a function in one of these files, named in the list below.
"""

from utils.figures.attack_comparison import (
    security_curves,
    success_by_queries,
    told_and_true,
    transfer,
    variety,
)
from utils.figures.attacks import (
    accuracy_by_epsilon,
    confusions,
    confusions_by_variant,
    looks,
    perturbations,
    sensitivities,
)
from utils.figures.contamination import (
    ablation,
    accuracy_by_rate,
    contamination_matrix,
    disguises,
    footprints,
    gallery,
    hiding_map,
)
from utils.figures.data import (
    beside_chance,
    class_balance,
    examples,
    nearest_neighbours,
    nearness,
    pairs,
    patches,
    recovery,
)
from utils.figures.detection import (
    contact_sheet,
    power_by_frequency,
    roc_by_kind,
)
from utils.figures.results import (
    accuracies,
    differences,
    drops_by_run,
    robustness_against_clean,
)
from utils.figures.style import (
    ATTACKED,
    CLEAN,
    DEFENDED,
)
from utils.figures.training import (
    collapse_curves,
    curves,
    game,
    regimes,
    tuning,
)
