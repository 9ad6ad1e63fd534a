"""Losses and modules that make a model harder to fool, and cleaning of training data."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    adaptive_evaluation="predict_adaptively",
    diversity="slope_cosines wrong_at_once wrong_by_chance",
    ensemble="Ensemble combined fit_blending fit_stacking fit_vote mean_of_separate_attacks",
    etf_head="DotRegression SCALE head_on_features simplex_etf",
    familiarity="FamiliarityJudge as_familiar as_foreign",
    neural_collapse="nc_measures nc_measures_of",
    purification="GreyLevels JpegFile MedianFilter PURIFICATIONS Purified TotalVariation",
    rejection="Rejector SelectiveClassifier",
    restoration="GlobalFilter SelectiveFilter",
    smoothing="NoiseLoss Smoothed certify",
    **{
        "losses.adversarial_training": (
            "AdversarialLoss Hardened TradesLoss collapsed_epochs fast_adversarial"
        ),
        "losses.awp": "AwpLoss",
        "losses.mart": "MartLoss",
        "losses.mutual_learning": "MutualLoss MutualPeers",
        "repair.backdoor_repair": "fine_prune fine_tune repair_table unlearn",
        "repair.data_cleaning": "random_scores relabel_flagged",
    },
)
