"""Predictions, metrics, intervals, claims, the attack suite, red flags, saliency, calibration."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    attack_suite="AttackSuite",
    conditions="CLEAN Condition",
    flags="Report check_attack check_clean check_control check_report",
    image_similarity="histogram_similarity psnr ssim",
    inference="attacked_images attacked_split features logits predict predict_all",
    intervals="Interval interval_table mean_of share",
    leakage="SIBLING leakage_report nearest_neighbour_baseline relative_distances",
    metrics="SCORES balanced_accuracy majority_share score_of scores",
    predictions="FindingPredictions Predictions pool_trainings",
    resampling="few_patients",
    roc="FALSE_POSITIVE_RATE roc_scores",
    threats="Threat carry_out reached threat_table",
    **{
        "comparisons.claims": "Claim judge",
        "comparisons.differences": "difference drops gain gains",
        "comparisons.models": "compare flip_predictions",
        "explanations.faithfulness": (
            "deletion faithfulness_areas faithfulness_gains insertion randomisation stability"
        ),
        "explanations.saliency": "HottestPixels heat_maps mass_in_mask sensitivity",
        "findings.scores": "co_occurrence finding_table",
        "flags.attack_experiments": "Rescaled",
        "uncertainty.calibration": (
            "calibration_error calibration_difference fit_temperature reliability"
        ),
        "uncertainty.conformal": "coverage_difference fit_conformal",
        "uncertainty.selective": "risk_coverage risk_coverage_area selective_accuracy",
    },
)
