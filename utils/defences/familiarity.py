"""A judge of what is familiar: are the features of an image like those of known images?

It is a model of two classes, so every attack can be made on it: out of what is familiar, so that
a patient gets no prediction, or into it, so that a picture of anything gets one.
"""

import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn

from utils.backbones.classifier import Classifier
from utils.data.split import Split
from utils.evaluation.inference import features
from utils.run import device_of

FAMILIAR, FOREIGN = 0, 1
VERDICTS = ("familiar", "foreign")
ACCEPTED = 0.95  # share of held-out known images that are judged familiar


class FamiliarityJudge(nn.Module):
    """Measures how far the features of an image lie from the nearest class (Lee 2018).

    The distance is in units of the spread inside the classes. `train` are the images of the
    network, `held_out` others of the same kind, which set the threshold.
    """

    def __init__(self, model: Classifier, train: Split, held_out: Split):
        super().__init__()
        self.model = model
        known, labels = torch.from_numpy(features(model, train)).double(), train.labels
        present = labels.unique()
        centres = torch.stack([known[labels == label].mean(0) for label in present])
        gaps = known - centres[torch.searchsorted(present, labels)]
        precision = LedoitWolf(assume_centered=True).fit(gaps.numpy()).precision_
        # features times its root: the distance of Mahalanobis is then the usual one
        root, device = torch.linalg.cholesky(torch.from_numpy(precision)), device_of(model)
        self.register_buffer("root", root.float().to(device))
        self.register_buffer("centres", (centres @ root).float().to(device))
        far = self._distance(torch.from_numpy(features(model, held_out)).to(device))
        self.register_buffer("threshold", torch.quantile(far, ACCEPTED))

    def forward(self, images: Tensor) -> Tensor:
        beyond = self._distance(self.model.features(images).float()) / self.threshold - 1
        return torch.stack([-beyond, beyond], 1)

    def _distance(self, features: Tensor) -> Tensor:
        return torch.cdist(features @ self.root, self.centres).amin(1)


def as_foreign(split: Split) -> Split:
    """The same images, as the judge should see them: all are foreign."""
    return _with_verdict(split, FOREIGN)


def as_familiar(split: Split) -> Split:
    """The same images, as the judge should see them: all are familiar."""
    return _with_verdict(split, FAMILIAR)


def _with_verdict(split: Split, verdict: int) -> Split:
    labels = torch.full_like(split.labels, verdict)
    return Split(split.images, labels, VERDICTS, split.groups)
