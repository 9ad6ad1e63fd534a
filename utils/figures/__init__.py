"""Every picture: arrays in, Figure out. Nothing is shown, saved or trained here.

A new picture is a function in the module of its topic, and its name stands in the list below.

attacks/        images, curves, matrices and gradients under attack
contamination/  corruptions, wrong labels, fakes, cleaning; image scaling, and what helps against it
confusion       what is taken for what
data            examples, classes, neighbours, patients
detection       scores of detectors, and the most suspicious images
fixed_head      a head with fixed directions
gains           a comparison, pair by pair
members         whether the members of an ensemble differ
networks        what training, size and cost are worth
playground      pictures that follow a slider
reading         pairs for readers, and their agreement
results         all models of the course
training        tuning, loss and accuracy over the epochs
uncertainty     intervals, calibration, refusal, sets of classes
page            HTML that needs no network
elements/       what all of them are drawn with
"""

from utils.figures.attacks.attacked_images import (
    attack_gallery,
    change_grid,
    patch_gallery,
    perturbations,
)
from utils.figures.attacks.curves import (
    accuracy_by_epsilon,
    accuracy_by_queries,
    scores_by_count,
    smallest_changes,
)
from utils.figures.attacks.gradients import (
    heatmap_grid,
    loss_surface,
    sensitivities,
)
from utils.figures.attacks.matrices import (
    findings_wrong,
    targets_reached,
    transfer,
)
from utils.figures.attacks.two_scores import (
    claimed_vs_true,
    seeming_and_real,
)
from utils.figures.confusion import confusions, confusions_by_model
from utils.figures.contamination.cleaning import (
    before_and_after,
    detector_matrix,
    estimated_shares,
    price_of_hiding,
)
from utils.figures.contamination.corruptions import (
    contamination_matrix,
    score_by_severity,
    shares_by_rate,
    triggers,
    wrong_labels,
)
from utils.figures.contamination.fakes import flagged_shares
from utils.figures.contamination.overview import accuracy_by_rate, gallery
from utils.figures.contamination.scaling import (
    footprints,
    hidden_images,
    likeness_by_quality,
    seen_and_predicted,
    vulnerability_map,
)
from utils.figures.contamination.scaling_defence import (
    price_of_disguise,
    repairs,
    score_strips,
)
from utils.figures.data import (
    class_balance,
    examples,
    nearest_neighbours,
    neighbour_distances,
    patches,
    recovery,
    scores_and_chance,
)
from utils.figures.detection import (
    contact_sheet,
    score_panels,
)
from utils.figures.elements.grid import (
    image_grid,
)
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    CONTROL,
    DEFENDED,
    plural,
)
from utils.figures.fixed_head import (
    features_on_simplex,
    gains_by_imbalance,
    simplexes,
)
from utils.figures.gains import paired_gains
from utils.figures.members import slope_cosines, wrong_at_once
from utils.figures.networks import (
    compound_scaling,
    curves_by_cost,
    paired_trainings,
)
from utils.figures.playground import (
    accuracy_by_leak,
    attack_at_size,
    pair_and_change,
    scores_and_threshold,
    seen_by_resizers,
)
from utils.figures.reading import agreement, pairs, power_by_pairs, readers
from utils.figures.results import (
    drops_by_model,
    severity_grid,
    slopes,
)
from utils.figures.training import (
    defence_curves,
    training_curves,
    trial_scatter,
    tuning,
)
from utils.figures.uncertainty import (
    coverage_by_severity,
    interval_by_count,
    interval_rows,
    reliability_diagram,
    risk_coverage_curves,
    set_gallery,
)
