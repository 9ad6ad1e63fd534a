"""Features of a frozen network, computed once and kept, and a linear head on them in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from torch import Tensor, nn

from utils.backbones.classifier import Classifier
from utils.data.split import Split
from utils.evaluation.inference import features
from utils.evaluation.predictions import Predictions
from utils.files import atomic_write, digest, locked, read_tensors, short_digest
from utils.run import device_of
from utils.training.checkpoints import weights_digest

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the logistic regression; smaller: simpler
NEVER_SEEN = -1e4  # the logit of a class without a training image


def frozen_features(model: Classifier, split: Split, folder: Path, size: int = 0) -> np.ndarray:
    """The input of the head, a row for each image; computed once, then read from `folder`.

    The file is found by the weights of the backbone and the pixels: another head, other labels or
    other patients change no feature. With `size`, the images are resized to it first.
    """
    folder = Path(folder)
    file = folder / f"features_{_key(model, split, size)}.safetensors"
    with locked(folder):
        if not file.exists():
            rows = features(model, split.resized(size) if size else split)
            with atomic_write(file) as unfinished:
                save_file({"features": torch.from_numpy(rows)}, unfinished)
    return read_tensors(file)["features"].numpy()


class StageMeans(nn.Module):
    """What a network of timm sees where: means of its feature maps over a grid of cells.

    Its last features are means over the whole image, in which the place is lost. `stages` count
    from 0, the finest maps first. Used by tests/benchmarks/real_data.py.
    """

    def __init__(self, backbone: nn.Module, stages: Sequence[int] = (1, 2, 3), cells: int = 4):
        super().__init__()
        self.backbone, self.stages, self.cells = backbone, list(stages), cells
        channels = (backbone.feature_info[stage]["num_chs"] for stage in stages)
        self.num_features = cells**2 * sum(channels)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.backbone.forward_intermediates(
            images, indices=self.stages, stop_early=True, intermediates_only=True
        )
        return torch.cat([F.adaptive_avg_pool2d(each, self.cells).flatten(1) for each in maps], 1)

    def extra_repr(self) -> str:
        return f"stages={self.stages}, cells={self.cells}"


def patient_means(
    rows: np.ndarray, split: Split, order: np.ndarray | None = None, parts: int = 1
) -> tuple[np.ndarray, Split]:
    """The mean row of each patient, and the split with one image per patient that goes with it.

    With `order`, a number for each image, the images of a patient are sorted by it and cut into
    `parts` of equal size; the means of all parts stand side by side. Used by
    tests/benchmarks/real_data.py.
    """
    order = np.zeros(len(split)) if order is None else order
    patients, first = np.unique(split.patients, return_index=True)
    means = []
    for patient in patients:
        images = np.flatnonzero(split.patients == patient)
        if len(images) < parts:
            raise ValueError(
                f"patient {patient} has {len(images)} images, too few for {parts} parts; "
                "take fewer parts"
            )
        images = images[np.argsort(order[images], kind="stable")]
        means.append(np.hstack([rows[some].mean(0) for some in np.array_split(images, parts)]))
    return np.stack(means), split.take(first)


@dataclass(frozen=True)
class LinearProbe:
    """A linear head that was fitted to features; as `model.head` it completes the classifier."""

    head: nn.Linear
    strength: float  # the C that was best on validation
    validation_loss: float  # every class counts the same

    def predict(self, rows: np.ndarray, split: Split) -> Predictions:
        """Class probabilities for the images of `split`, from their features."""
        return head_predictions(self.head, torch.from_numpy(rows), split)


def head_predictions(head: nn.Module, rows: Tensor, split: Split) -> Predictions:
    """What a head makes of features, a row for each image of `split`."""
    with torch.no_grad():
        probabilities = head(rows.to(device_of(head))).softmax(1).cpu().numpy()
    labels = split.labels.cpu().numpy()
    return Predictions(labels, probabilities, split.patients, split.class_names)


def linear_probe(
    rows: np.ndarray,
    train: Split,
    validation_rows: np.ndarray,
    validation: Split,
    strengths: Sequence[float] = STRENGTHS,
) -> LinearProbe:
    """Logistic regression on standardised features, where every class counts the same.

    Of the `strengths`, the one with the lowest balanced log loss on validation is kept.
    """
    probes = [_fit(rows, train, strength) for strength in strengths]
    losses = [_balanced_loss(probe, validation_rows, validation) for probe in probes]
    best = int(np.argmin(losses))
    return LinearProbe(probes[best], strengths[best], losses[best])


def folded_probe(
    rows: np.ndarray, split: Split, strengths: Sequence[float] = STRENGTHS, folds: int = 5
) -> LinearProbe:
    """The same where patients are too few to set some aside for validation.

    The strength is chosen over folds by patient; the probe then learns from all rows. Where there
    is nothing to choose, no loss is measured.
    """
    if len(strengths) == 1:
        return LinearProbe(_fit(rows, split, strengths[0]), strengths[0], float("nan"))
    parts = StratifiedGroupKFold(folds).split(rows, split.labels.cpu().numpy(), split.patients)
    sides = [[(rows[places], split.take(places)) for places in part] for part in parts]
    losses = [
        np.mean([_balanced_loss(_fit(*known, strength), *held_out) for known, held_out in sides])
        for strength in strengths
    ]
    best = int(np.argmin(losses))
    return LinearProbe(_fit(rows, split, strengths[best]), strengths[best], float(losses[best]))


def _key(model: Classifier, split: Split, size: int) -> str:
    normalisation = model.mean.flatten().tolist(), model.std.flatten().tolist()
    backbone = model.backbone
    network = type(backbone).__name__, backbone.extra_repr(), weights_digest(backbone)
    pixels = digest(split.images.cpu().contiguous().numpy())
    return short_digest(*network, *normalisation, tuple(split.images.shape), pixels, size)


def _fit(rows: np.ndarray, train: Split, strength: float) -> nn.Linear:
    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
    fitted = make_pipeline(StandardScaler(), regression).fit(rows, train.labels.cpu().numpy())
    return _as_head(fitted, train.classes)


def _as_head(fitted: Pipeline, classes: int) -> nn.Linear:
    """The same logits from features that are not standardised."""
    scaler, regression = fitted[0], fitted[1]
    weights, biases = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # one row, for the second class
        weights, biases = np.vstack([-weights, weights]) / 2, np.hstack([-biases, biases]) / 2
    weights = weights / scaler.scale_
    head = nn.utils.skip_init(nn.Linear, weights.shape[1], classes)  # draws no random numbers
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(NEVER_SEEN)
        head.weight[regression.classes_] = _float(weights)
        head.bias[regression.classes_] = _float(biases - weights @ scaler.mean_)
    return head.eval()


def _float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()


def _balanced_loss(head: nn.Linear, rows: np.ndarray, split: Split) -> float:
    found, every = head_predictions(head, torch.from_numpy(rows), split), range(split.classes)
    weights = compute_sample_weight("balanced", found.labels)
    return float(log_loss(found.labels, found.probabilities, sample_weight=weights, labels=every))
