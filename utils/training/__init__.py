"""One loop, losses, checkpoints, cross-validation, tuning."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    cross_validation="FittedNetwork cross_validated",
    loop="TrainConfig train_or_load",
    losses="CleanScore CrossEntropy ValidationScore epochs_within passes_of",
    tuning="SearchSpace",
)
