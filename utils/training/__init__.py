"""One loop, losses, checkpoints, cross-validation, tuning."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    batch_norm="predict_by_own_statistics",
    config="TrainConfig",
    cross_validation="FittedNetwork FittedProbe cross_validated",
    finding_losses="FindingsCrossEntropy positive_weights",
    features=(
        "LinearProbe StageMeans folded_probe frozen_features head_predictions linear_probe "
        "patient_means"
    ),
    heads="fit_on_features",
    loop="train_or_load",
    losses=(
        "balancing_weights ChangedImages CleanScore CrossEntropy ValidationScore epochs_within "
        "passes_of"
    ),
    studies="Between explore importances trial_rows",
    tuning="SearchSpace",
)
