"""One epoch of training: steps over the images, then the score on validation."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.losses import is_right
from utils.data.split import Split, Splits, batches, to_float
from utils.evaluation.inference import BATCH, predict
from utils.run import autocast, device_of
from utils.training.checkpoints import description
from utils.training.config import TrainConfig
from utils.training.depthwise import quick_depthwise
from utils.training.losses import EpochScore, Loss
from utils.training.optimization import (
    OPTIMIZERS,
    PLATEAU,
    classifiers,
    heads_alone,
    parameter_groups,
    plateau,
    rate_share,
    weight_average,
)

# On a CPU a batch that fits its caches is quicker, and every image gets the same bits.
CPU_BATCH = 64


class Trainer:
    """A model with what moves its weights."""

    def __init__(self, model, splits: Splits, config: TrainConfig, loss: Loss, score: EpochScore):
        self.model, self.splits, self.config = model, splits, config
        self.loss, self.score = loss, score
        groups = parameter_groups(model, config.learning_rate, config.head_rate)
        self.optimizer = OPTIMIZERS[config.optimizer](groups, weight_decay=config.weight_decay)
        self.rates = [group["lr"] for group in groups]
        self.plateau = None
        if config.schedule == PLATEAU:
            self.plateau = plateau(self.optimizer, config.epochs)
        if config.head_epochs:
            classifiers(model)  # or an error, before anything is trained
        self.average = weight_average(model, config.ema) if config.ema else None

    @property
    def parts(self) -> dict:
        found = {"model": self.model, "optimizer": self.optimizer}
        optional = {"schedule": self.plateau, "average": self.average}
        return {**found, **{name: part for name, part in optional.items() if part is not None}}

    @property
    def chosen(self) -> nn.Module:
        """What is evaluated and kept: the averaged weights if there are any."""
        return self.average.module if self.average else self.model

    @cached_property
    def train(self) -> Split:
        return self.splits.train.to(device_of(self.model))

    def epoch(self, number: int) -> dict:
        """One pass over the training images, and its row of the history."""
        alone = heads_alone(self.model) if number < self.config.head_epochs else nullcontext()
        with alone, quick_depthwise(self.model), training_answers(self.model) as answers:
            row = self._pass(number, answers)
        row |= self._measure()
        row["averaged"] = bool(self.average)  # the weights that the validation images met
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        if self.plateau:
            self.plateau.step(row["score"])
        return row

    def _measure(self) -> dict:
        """Loss and accuracy on validation, and the score of the epoch."""
        validation, device = self.splits.validation, device_of(self.chosen)
        with autocast(device, self.config.precision, validation.depth):
            batch = CPU_BATCH if device.type == "cpu" else BATCH
            found = predict(self.chosen, validation, batch_size=batch)
        confidence = found.of_truth
        return {
            "validation_loss": float(-torch.tensor(confidence).clamp_min(1e-12).log().mean()),
            "validation_accuracy": found.accuracy,
            **self.score(self.chosen, validation, found),
        }

    def _pass(self, epoch: int, answers: list[Tensor]) -> dict:
        """Loss and accuracy during training: of the images as they were shown, step by step."""
        self.model.train()
        loss, right, shown = *torch.zeros(2, device=self.train.images.device), 0
        for step, (images, labels) in enumerate(batches(self.train, self.config.batch_size, True)):
            self._set_rates(epoch, step)
            loss += self._step(images, labels, epoch) * len(labels)
            if not answers:
                raise TypeError(
                    f"{description(self.loss)} never called the model itself in training mode; "
                    "a loss answers for the batch by model(images), the images first"
                )
            right += is_right(answers.pop()[: len(labels)], labels).sum()
            shown += len(labels)
        mean = float(loss) / shown
        if not math.isfinite(mean):
            raise FloatingPointError(
                f"the loss became {mean} in epoch {epoch}; lower the learning rate "
                f"({self.config.learning_rate}) or use precision float32; earlier epochs are kept"
            )
        return {"train_loss": mean, "train_accuracy": float(right) / shown}

    def _step(self, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        pixels = to_float(images)
        pixels = augment(pixels) if self.config.augment else pixels
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with autocast(pixels.device, self.config.precision, self.train.depth):
            value = self.loss(self.model, pixels, labels, epoch)
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        if self.average:
            self.average.update_parameters(self.model)
        return value.detach()

    def _set_rates(self, epoch: int, step: int) -> None:
        if self.plateau:
            return
        config = self.config
        steps = math.ceil((len(self.train) - 1) / config.batch_size)  # one left over is skipped
        share = rate_share(
            config.schedule, epoch * steps + step, config.epochs * steps, config.warmup * steps
        )
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = share * rate


def augment(images: Tensor) -> Tensor:
    """Each image slightly rotated, shifted and scaled, and mirrored half of the time."""
    count, device = len(images), images.device
    angle = torch.empty(count, device=device).uniform_(-0.15, 0.15)
    scale = torch.empty(count, device=device).uniform_(0.93, 1.07)
    mirror = torch.empty(count, device=device).uniform_(-1, 1).sign()
    shift = torch.empty(count, 2, 1, device=device).uniform_(-0.1, 0.1)
    rows = torch.stack([mirror * angle.cos(), -angle.sin(), mirror * angle.sin(), angle.cos()], 1)
    turn = torch.cat([rows.view(-1, 2, 2) * scale.view(-1, 1, 1), shift], 2)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


@contextmanager
def training_answers(model: nn.Module) -> Iterator[list[Tensor]]:
    """The last answer of the model in training mode; attacks during training do not count."""
    last = []

    def keep(module: nn.Module, inputs: tuple, answer: Tensor) -> None:
        if module.training:
            last[:] = [answer.detach()]

    handle = model.register_forward_hook(keep)
    try:
        yield last
    finally:
        handle.remove()
