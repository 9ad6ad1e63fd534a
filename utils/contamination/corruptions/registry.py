"""Every family of corruptions, by the modality in which it occurs."""

from collections.abc import Sequence

from utils.contamination.corruptions.base import Corruption
from utils.contamination.corruptions.common import (
    BiasField,
    Compression,
    Contrast,
    Defocus,
    Gamma,
    Markers,
    MotionBlur,
    Resolution,
)
from utils.contamination.corruptions.film import (
    Collimation,
    Exposure,
    GridLines,
    QuantumNoise,
    Scatter,
)
from utils.contamination.corruptions.mri import Ghosting, Gibbs, Rician, Spike
from utils.contamination.corruptions.photograph import (
    SensorNoise,
    SpecularSpots,
    Stain,
    WhiteBalance,
)

EVERYWHERE = (Defocus, Resolution, Compression, Gamma, Contrast, Markers)
CORRUPTIONS: dict[str, tuple[type[Corruption], ...]] = {
    "xray": (
        *(QuantumNoise, GridLines, Defocus, MotionBlur, Resolution, Compression),
        *(Exposure, Gamma, Contrast, Scatter, Collimation, Markers),
    ),
    "mri": (Rician, Ghosting, Gibbs, Spike, BiasField, *EVERYWHERE),
    "photograph": (
        *(SensorNoise, SpecularSpots, WhiteBalance, Stain, BiasField, MotionBlur),
        *EVERYWHERE,
    ),
}


def corruptions(
    modality: str, severity: int = 3, seed: int = 0, names: Sequence[str] = ()
) -> dict[str, Corruption]:
    """Every family of a modality at one severity, by its name; or the named ones."""
    if modality not in CORRUPTIONS:
        raise ValueError(f"unknown modality {modality!r}; choose from {', '.join(CORRUPTIONS)}")
    families = {family.__name__: family for family in CORRUPTIONS[modality]}
    if unknown := [name for name in names if name not in families]:
        raise ValueError(f"unknown {', '.join(unknown)}; choose from {', '.join(families)}")
    return {
        name: families[name](severity, modality=modality, seed=seed) for name in names or families
    }
