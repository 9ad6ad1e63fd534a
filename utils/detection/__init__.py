"""A score per image: which one is wrong?"""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    backdoor_inputs="ScaleUp Strip",
    calibrated_classifier="CalibratedClassifier fit_calibrated shift_prior",
    contaminated_shares="estimated_shares",
    contamination_classifier="ContaminationClassifier cross_patient_predict",
    detectors="DETECTORS auroc_against_clean auroc_by_kind detector_scores image_features",
    fake_detector="FakeDetector fakes_by_family real_or_fake train_fake_detector",
    inspection="inspect_images",
    label_errors="label_error_scores wrong_label_share",
    noise_traces="NoiseLevel",
    ordinary="ordinary_changes",
    out_of_fold="cross_val_outputs outputs_of_features with_squeezers",
    reidentification="ReIdentifier train_reidentifier",
    scaling_detectors="ScalingDetector fit_thresholds scaling_scores",
    tamper_localisation=(
        "TamperLocaliser TamperVerdict best_threshold localisation_scores pointing"
    ),
    thresholds="excess_flagged false_alarms precision_at threshold_at",
    trigger_inversion="TriggerSearch anomaly_indices inversion_table",
)
