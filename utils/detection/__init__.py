"""A score per image: which one is wrong?"""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    contamination_classifier="ContaminationClassifier cross_patient_predict per_class_auroc",
    detectors="DETECTORS auroc_against_clean auroc_by_kind detector_scores image_features",
    fake_detector="SpectralDetector real_or_fake spectra",
    inspection="inspect_images",
    noise_traces="NoiseLevel",
    out_of_fold="cross_val_outputs outputs_of with_squeezers",
    scaling_detectors="ScalingDetector fit_thresholds scaling_scores",
    tamper_localisation=(
        "TamperLocaliser TamperVerdict best_threshold localisation_scores pointing"
    ),
)
