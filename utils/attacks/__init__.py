"""Test-time attacks: (model, images, labels) -> attacked images."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    adaptive="Adaptive Expectation StraightThrough",
    apgd="APGD WorstCase worst_case_chain",
    losses="AllFindings OneFinding",
    minimal_norm="MinimalNorm",
    patch="AdversarialPatch ControlPatch",
    pgd="PGD fgsm momentum_fgsm",
    random_noise="RandomGaussian RandomSigns RandomUniform",
    random_order="FixedRowOrder ShuffledPatches ShuffledRows",
    regions=(
        "Anatomy FindingRegion RandomPatch RandomPixels RandomRows StrongestPatch StrongestPixels "
        "StrongestRows"
    ),
    universal="UniversalPatch fit_patch fit_universal",
    **{
        "black_box.few_pixels": "FewPixels",
        "black_box.hop_skip_jump": "HopSkipJump",
        "black_box.queries": "queries_needed",
        "black_box.square": "Square",
    },
)
