"""Real or drawn? What a generator leaves in an image, and the question put to a network."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from utils.data.split import Split, to_float

NAMES = ("real", "fake")
FAINTEST = 1e-8  # power: its logarithm is taken


def spectra(split: Split) -> np.ndarray:
    """The logarithm of the power at each frequency, mean over all directions: a row per image
    (Durall 2020). A generator enlarges small maps, and that leaves traces at the high end.
    """
    grey = to_float(split.images).mean(1)
    power = torch.fft.rfft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
    down, across = (torch.fft.fftfreq(split.size), torch.fft.rfftfreq(split.size))
    ring = (split.size * torch.hypot(down[:, None], across)).round().long().flatten()
    kept = ring <= split.size // 2
    sums = torch.zeros(len(split), split.size // 2 + 1)
    sums.index_add_(1, ring[kept], power.flatten(1)[:, kept])
    mean = sums / torch.bincount(ring[kept])
    return mean[:, 1:].clamp_min(FAINTEST).log().numpy()


@dataclass(frozen=True)
class SpectralDetector:
    """A suspicion per image, from its spectrum alone."""

    line: Pipeline

    def __call__(self, split: Split) -> np.ndarray:
        return self.line.decision_function(spectra(split))


def fit_spectral_detector(known: Split) -> SpectralDetector:
    """Learned from images that `real_or_fake` has put into two classes."""
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return SpectralDetector(line.fit(spectra(known), known.labels.numpy()))


def real_or_fake(real: Split, *fakes: Split) -> Split:
    """All of them as two classes: any classifier can learn to tell them apart. Patients stay."""
    parts = (real, *fakes)
    labels = [torch.full_like(part.labels, part is not real) for part in parts]
    groups = [torch.as_tensor(part.patients) for part in parts]
    images = torch.cat([part.images for part in parts])
    return Split(images, torch.cat(labels), NAMES, torch.cat(groups))
