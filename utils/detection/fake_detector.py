"""Real or fake? The traces that a generator leaves in the spectrum of an image."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utils.data.split import Split, to_float

NAMES = ("real", "fake")
MIN_POWER = 1e-8  # smaller powers count as this one: their logarithm is taken


def spectra(split: Split) -> np.ndarray:
    """The logarithm of the power at each frequency, averaged over directions: a row per image.

    A generator enlarges small maps, which leaves traces at high frequencies (Durall 2020).
    """
    grey = to_float(split.images).mean(1)
    power = torch.fft.rfft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
    down, across = (torch.fft.fftfreq(split.size), torch.fft.rfftfreq(split.size))
    ring = (split.size * torch.hypot(down[:, None], across)).round().long().flatten()
    inside = ring <= split.size // 2
    sums = torch.zeros(len(split), split.size // 2 + 1)
    sums.index_add_(1, ring[inside], power.flatten(1)[:, inside])
    mean = sums / torch.bincount(ring[inside])
    return mean[:, 1:].clamp_min(MIN_POWER).log().numpy()


class SpectralDetector:
    """Finds fakes by their spectrum alone: logistic regression on `spectra`."""

    def __init__(self):
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))

    def fit(self, known: Split) -> "SpectralDetector":
        """Learn from images that `real_or_fake` has put into two classes."""
        self.model.fit(spectra(known), known.labels.numpy())
        return self

    def score(self, split: Split) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        return self.model.decision_function(spectra(split))


def real_or_fake(real: Split, *fakes: Split) -> Split:
    """Real and fake images as the two classes of one split; the patients stay."""
    parts = (real, *fakes)
    labels = [torch.full_like(part.labels, part is not real) for part in parts]
    groups = [torch.as_tensor(part.patients) for part in parts]
    images = torch.cat([part.images for part in parts])
    return Split(images, torch.cat(labels), NAMES, torch.cat(groups))
