"""The predictions of a model on a split, attacked or not."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from utils.attacks.base import Attack, eval_mode
from utils.backbones.classifier import Classifier
from utils.data.split import Split, batches, to_float, to_levels
from utils.evaluation.kept_batches import KeptBatches
from utils.evaluation.predictions import FindingPredictions, Predictions
from utils.run import device_of, progress

BATCH = 128  # images per forward pass
Name = TypeVar("Name")


def predict(
    model: nn.Module,
    split: Split,
    attack: Attack | None = None,
    seen_by_attacker: nn.Module | None = None,
    batch_size: int = BATCH,
    seed: int = 0,
    after: Predictions | None = None,
    digest: bool = False,
    keep: Path | None = None,
) -> Predictions:
    """Class probabilities for every image, or for what `attack` makes of it.

    The attacker sees `model` itself unless given another: a surrogate makes the attack
    a transfer attack, the undefended model an unaware one. The attack's random starts
    come from `seed`, whatever ran before; the caller's generators stay as they were.
    With `after`, the predictions under an earlier attack, only its survivors are attacked.
    With `digest`, the predictions name the images that they are about by a digest.
    With a folder `keep`, attacked batches stay there, and a stopped evaluation resumes.
    """
    options = (attack, seen_by_attacker, batch_size, seed)
    further = {"digest": digest, "keep": keep}
    if after is not None:
        return _attack_survivors(model, split, *options, after=after, **further)
    found, images = _forward(model, split, *options, **further)
    _check_outputs(found, split)
    probabilities = found.sigmoid() if split.has_findings else found.softmax(1)
    return predictions_for(split, probabilities.numpy(), images)


def predictions_for(
    split: Split, probabilities: np.ndarray, seen: tuple[str, ...] = ()
) -> Predictions:
    """These probabilities as predictions for the images of a split."""
    kind = FindingPredictions if split.has_findings else Predictions
    return kind(split.labels.numpy(), probabilities, split.patients, split.class_names, seen)


def logits(model: nn.Module, split: Split, attack: Attack | None = None, **options) -> Tensor:
    """The logits that `predict` turns into probabilities, under the same options."""
    return _forward(model, split, attack, **options)[0]


def features(model: Classifier, split: Split, batch_size: int = BATCH) -> np.ndarray:
    """The input of the head of a classifier: a row for each image."""
    return features_and_logits(model, split, batch_size=batch_size)[0].numpy()


def features_and_logits(
    model: Classifier,
    split: Split,
    change: Callable[[Tensor], Tensor] | None = None,
    batch_size: int = BATCH,
) -> tuple[Tensor, Tensor]:
    """Input and output of the head, from one pass; `change` is made to the images before it."""
    device, rows = device_of(model), []
    with torch.no_grad(), eval_mode(model):
        for images in split.images.split(batch_size):
            pixels = to_float(images.to(device))
            found = model.features(pixels if change is None else change(pixels))
            rows.append((found.float().cpu(), model.head(found).float().cpu()))
    inputs, outputs = (torch.cat(part) for part in zip(*rows, strict=True))
    return inputs, outputs


def attacked_images(model: nn.Module, split: Split, attack: Attack, seed: int = 0) -> Tensor:
    """The images that `predict` shows to the model, in [0, 1]."""
    with _reproducible(model, seed):
        attacked = [
            _attacked_batch(model, images, labels, attack, None).cpu()
            for images, labels in batches(split, BATCH)
        ]
    return torch.cat(attacked)


def attacked_split(model: nn.Module, split: Split, attack: Attack, seed: int = 0) -> Split:
    """The attacked images saved as lossless files of as many bits as the split has."""
    return replace(
        split, images=to_levels(attacked_images(model, split, attack, seed), split.depth)
    )


def predict_all(
    model: nn.Module, split: Split, conditions: Mapping[Name, Attack | None], **options
) -> dict[Name, Predictions]:
    """`predict` under each condition."""
    steps = progress(conditions.items(), "conditions")
    return {name: predict(model, split, attack, **options) for name, attack in steps}


def _forward(
    model: nn.Module,
    split: Split,
    attack: Attack | None = None,
    seen_by_attacker: nn.Module | None = None,
    batch_size: int = BATCH,
    seed: int = 0,
    digest: bool = False,
    keep: Path | None = None,
) -> tuple[Tensor, tuple[str, ...]]:
    """The logits, and with `digest` that of the images."""
    images_seen = hashlib.sha256()

    def answer(images: Tensor, labels: Tensor) -> Tensor:
        images = _attacked_batch(model, images, labels, attack, seen_by_attacker)
        if digest:  # costs a copy to the host
            images_seen.update(images.cpu().contiguous().numpy())
        with torch.no_grad():
            return model(images).float().cpu()

    with _reproducible(model, seed):
        # Clean batches take no time, and the digest needs the attacked images themselves.
        folder = None if attack is None or digest else keep
        kept = KeptBatches(folder, attack, model, seen_by_attacker, device_of(model))
        rows = [kept.get(*pair, partial(answer, *pair)) for pair in batches(split, batch_size)]
    return torch.cat(rows), (images_seen.hexdigest()[:16],) * digest


def _check_outputs(answers: Tensor, split: Split) -> None:
    """A model with one output would seem to give everything to the first class."""
    if answers.ndim != 2 or answers.shape[1] != split.classes:
        each = "finding" if split.has_findings else "class"
        raise ValueError(
            f"the model answers in the shape {tuple(answers.shape)}, and the images have "
            f"{split.classes} names; one logit for each {each} is needed. "
            "utils.examine.adapter.adapt wraps a model with other outputs"
        )


@contextmanager
def _reproducible(model: nn.Module, seed: int):
    """Evaluation mode and random numbers of its own; the caller's stay as they were."""
    with torch.random.fork_rng(), eval_mode(model):
        torch.manual_seed(seed)
        yield


def _attack_survivors(
    model: nn.Module, split: Split, *options, after: Predictions, digest: bool, keep: Path | None
) -> Predictions:
    rows = np.flatnonzero(after.right)
    if not len(rows):
        return after
    again = predict(model, split.take(rows), *options, digest=digest, keep=keep)
    probabilities = after.probabilities.copy()
    probabilities[rows] = again.probabilities
    seen = ("+".join([*after.seen, *again.seen]),) * digest  # one set of images, in two rounds
    return replace(after, probabilities=probabilities, seen=seen)


def _attacked_batch(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    attack: Attack | None,
    seen_by_attacker: nn.Module | None,
) -> Tensor:
    device = device_of(model)
    images, labels = to_float(images.to(device)), labels.to(device)
    return images if attack is None else attack(seen_by_attacker or model, images, labels)
