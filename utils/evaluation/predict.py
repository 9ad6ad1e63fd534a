"""One way to ask a model about a split, attacked or not."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from utils.attacks.pgd import eval_mode
from utils.backbones import Classifier
from utils.data.split import Split, batches, to_float, to_uint8
from utils.evaluation.predictions import Predictions
from utils.run import progress

BATCH = 128  # images asked about at once
Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


def predict(
    model: nn.Module,
    split: Split,
    attack: Attack | None = None,
    seen_by_attacker: nn.Module | None = None,
    batch_size: int = BATCH,
    seed: int = 0,
    after: Predictions | None = None,
) -> Predictions:
    """Class probabilities for every image, or for what `attack` makes of it.

    The attacker sees `model` itself unless given another: a surrogate makes the attack
    a transfer attack, the undefended model an unaware one. The attack's random starts
    come from `seed`, whatever ran before; the caller's generators stay as they were.
    With `after`, the answers to an earlier attack, only its survivors are attacked.
    """
    if after is not None:
        return _survivors_again(model, split, attack, seen_by_attacker, batch_size, seed, after)
    said, seen = _forward(model, split, attack, seen_by_attacker, batch_size, seed)
    answers = (split.labels.numpy(), said.softmax(1).numpy(), split.patients, split.class_names)
    return Predictions(*answers, seen=(seen,))


def logits(
    model: nn.Module,
    split: Split,
    attack: Attack | None = None,
    seen_by_attacker: nn.Module | None = None,
    batch_size: int = BATCH,
    seed: int = 0,
) -> Tensor:
    """What `predict` turns into probabilities: for those who ask how sure a model is."""
    return _forward(model, split, attack, seen_by_attacker, batch_size, seed)[0]


def _forward(model, split, attack, seen_by_attacker, batch_size, seed) -> tuple[Tensor, str]:
    """The logits, and the digest of the images that they are about."""
    rows, digest = [], hashlib.sha256()
    with _eval_mode(model, seed):
        for images, labels in batches(split, batch_size):
            images, labels = _attacked_batch(model, images, labels, attack, seen_by_attacker)
            with torch.no_grad():
                rows.append(model(images).float().cpu())
            digest.update(images.cpu().contiguous().numpy())
    return torch.cat(rows), digest.hexdigest()[:16]


def features(model: Classifier, split: Split, batch_size: int = BATCH) -> np.ndarray:
    """What the head of a classifier is given: a row for each image."""
    device = next(model.parameters()).device
    with torch.no_grad(), eval_mode(model):
        rows = [
            model.features(to_float(images.to(device))).float().cpu()
            for images in split.images.split(batch_size)
        ]
    return torch.cat(rows).numpy()


def attacked_images(model: nn.Module, split: Split, attack: Attack, seed: int = 0) -> Tensor:
    """What `predict` would show the model: to be looked at, not to be asked again."""
    with _eval_mode(model, seed):
        shown = [
            _attacked_batch(model, images, labels, attack, None)[0].cpu()
            for images, labels in batches(split, BATCH)
        ]
    return torch.cat(shown)


def attacked_split(model: nn.Module, split: Split, attack: Attack, seed: int = 0) -> Split:
    """The split as an attacker would hand it in: as lossless files of 8 bits."""
    shown = attacked_images(model, split, attack, seed)
    return replace(split, images=to_uint8(shown))


def predict_all(
    model: nn.Module, split: Split, conditions: Mapping[str, Attack | None], **options
) -> dict[str, Predictions]:
    """`predict` under each named condition."""
    steps = progress(conditions.items(), "conditions")
    return {name: predict(model, split, attack, **options) for name, attack in steps}


@contextmanager
def _eval_mode(model: nn.Module, seed: int):
    """Evaluation mode and random numbers of our own; the caller's stay as they were."""
    with torch.random.fork_rng(), eval_mode(model):
        torch.manual_seed(seed)
        yield


def _survivors_again(model, split, attack, seen_by_attacker, batch_size, seed, after):
    survivors = np.flatnonzero(after.right)
    if not len(survivors):
        return after
    again = predict(model, split.take(survivors), attack, seen_by_attacker, batch_size, seed)
    probabilities = after.probabilities.copy()
    probabilities[survivors] = again.probabilities
    seen = ("+".join([*after.seen, *again.seen]),)  # one series of images, made in two rounds
    return replace(after, probabilities=probabilities, seen=seen)


def _attacked_batch(model, images, labels, attack, seen_by_attacker) -> tuple[Tensor, Tensor]:
    device = next(model.parameters()).device
    images, labels = to_float(images.to(device)), labels.to(device)
    if attack is not None:
        images = attack(seen_by_attacker or model, images, labels)
    return images, labels
