"""One training loop for every loss; it can be killed at any moment and resumed."""

import math
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.data.split import Split, Splits, batches, to_float
from utils.evaluation.inference import predict
from utils.run import PRECISIONS, autocast, device_of
from utils.training.checkpoints import Checkpoint, identity, short_name
from utils.training.epochs import run_epochs
from utils.training.losses import CrossEntropy, EpochScore, Loss, ValidationScore

_schedules = torch.optim.lr_scheduler
FEWER_CALLS = {"foreach": True}  # all weights in one call: faster, and equal to the last bit
OPTIMIZERS = {
    "adam": partial(torch.optim.Adam, **FEWER_CALLS),
    "adamw": partial(torch.optim.AdamW, **FEWER_CALLS),
    "sgd": partial(torch.optim.SGD, momentum=0.9, **FEWER_CALLS),
    "rmsprop": partial(torch.optim.RMSprop, **FEWER_CALLS),
}
SCHEDULES = {  # (optimizer, epochs) -> schedule
    "constant": lambda optimizer, epochs: _schedules.ConstantLR(optimizer, 1.0),
    "cosine": lambda optimizer, epochs: _schedules.CosineAnnealingLR(optimizer, epochs),
    "step": lambda optimizer, epochs: _schedules.StepLR(optimizer, math.ceil(epochs / 3)),
    "plateau": lambda optimizer, epochs: _schedules.ReduceLROnPlateau(
        optimizer, mode="max", patience=math.ceil(epochs / 10)
    ),
}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides how a model is trained, except the loss."""

    epochs: int = 8
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    optimizer: str = "adam"
    schedule: str = "cosine"
    patience: int = 0  # epochs without a better score before stopping; 0: never stop early
    augment: bool = True
    precision: str = "auto"  # of the forward pass; the weights are always float32
    seed: int = 0

    def __post_init__(self):
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"unknown {name} {getattr(self, name)!r}; choose from {', '.join(known)}"
                )
        for name, least in (("epochs", 1), ("batch_size", 2), ("patience", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")


def train_or_load(
    model: nn.Module,
    splits: Splits,
    config: TrainConfig,
    folder: Path,
    loss: Loss = CrossEntropy(),
    score: EpochScore = ValidationScore(),
) -> list[dict]:
    """Put the best weights of this training into `model`, trained now or loaded if done before.

    The arguments decide the subfolder, so another configuration never meets the wrong
    checkpoint. A stopped training resumes; two processes that want the same share one training.
    Returns the history, one row per epoch.
    """
    facts = identity(model, splits, config, loss, score)
    checkpoint = Checkpoint(Path(folder) / short_name(facts), facts, keeps_best=True)
    trainer = _Trainer(model, splits, config, loss, score)
    history = run_epochs(
        checkpoint,
        trainer.parts,
        trainer.epoch,
        config.epochs,
        config.seed,
        is_best=lambda history: best_epoch(history) is history[-1],
        stops_early=lambda history: _stops_early(history, config.patience),
    )
    checkpoint.load_best(model)
    return history


class _Trainer:
    """A model with what moves its weights."""

    def __init__(self, model, splits: Splits, config: TrainConfig, loss: Loss, score: EpochScore):
        self.model, self.splits, self.config = model, splits, config
        self.loss, self.score = loss, score
        self.optimizer = OPTIMIZERS[config.optimizer](
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.schedule = SCHEDULES[config.schedule](self.optimizer, config.epochs)

    @property
    def parts(self) -> dict:
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    @cached_property
    def train(self) -> Split:
        return self.splits.train.to(device_of(self.model))

    def epoch(self, number: int) -> dict:
        """One pass over the training images, and its row of the history."""
        train_loss = _train_epoch(
            self.model, self.train, self.config, self.optimizer, self.loss, number
        )
        row = {"train_loss": train_loss, **_measure(self.model, self.splits, self.score)}
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        self.schedule.step(*([row["score"]] if self.config.schedule == "plateau" else []))
        return row


def best_epoch(history: list[dict]) -> dict:
    """The row with the highest score; of equals, the one with the lowest validation loss."""
    return max(history, key=lambda row: (row["score"], -row["validation_loss"]))


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


def _train_epoch(model, train: Split, config: TrainConfig, optimizer, loss: Loss, epoch) -> float:
    model.train()
    total = torch.zeros((), device=train.images.device)
    for images, labels in batches(train, config.batch_size, shuffle=True):
        images = to_float(images)
        images = augment(images) if config.augment else images
        images = images.contiguous(memory_format=torch.channels_last)
        with autocast(images.device, config.precision):
            value = loss(model, images, labels, epoch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        total += value.detach() * len(labels)
    mean = float(total) / len(train)
    if not math.isfinite(mean):
        raise FloatingPointError(
            f"the loss became {mean} in epoch {epoch}; lower the learning rate "
            f"({config.learning_rate}) or use precision float32; earlier epochs are kept"
        )
    return mean


def _measure(model: nn.Module, splits: Splits, score) -> dict:
    """Accuracy on validation and on as many training images, and the score of the epoch."""
    validation = predict(model, splits.validation)
    confidence = validation.probabilities[range(len(validation.labels)), validation.labels]
    training = predict(model, splits.train.limit(len(splits.validation)))
    return {
        "train_accuracy": training.accuracy,
        "validation_loss": float(-torch.tensor(confidence).clamp_min(1e-12).log().mean()),
        "validation_accuracy": validation.accuracy,
        **score(model, splits.validation, validation),
    }


def _stops_early(history: list[dict], patience: int) -> bool:
    return bool(history and patience) and (
        history[-1]["epoch"] - best_epoch(history)["epoch"] >= patience
    )
