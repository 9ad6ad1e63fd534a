"""Every picture: arrays in, Figure out. Nothing is shown, saved or trained here.

A new picture is a function in the file of its topic, named in the list below; what it is drawn
with lies in elements/.
"""

from utils.figures.attack_comparison import (
    accuracy_by_queries,
    attack_gallery,
    claimed_vs_true,
    findings_wrong,
    patch_gallery,
    scores_by_count,
    seeming_and_real,
    targets_reached,
    transfer,
)
from utils.figures.attacks import (
    accuracy_by_epsilon,
    change_grid,
    heatmap_grid,
    loss_surface,
    perturbations,
    sensitivities,
    smallest_changes,
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
    price_of_disguise,
    repairs,
    score_strips,
    seen_and_predicted,
    vulnerability_map,
)
from utils.figures.data import (
    agreement,
    class_balance,
    examples,
    nearest_neighbours,
    neighbour_distances,
    pairs,
    patches,
    power_by_pairs,
    readers,
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
from utils.figures.networks import (
    compound_scaling,
    curves_by_cost,
    paired_trainings,
    slope_cosines,
    wrong_at_once,
)
from utils.figures.playground import (
    accuracy_by_leak,
    attack_at_size,
    pair_and_change,
    scores_and_threshold,
    seen_by_resizers,
)
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
