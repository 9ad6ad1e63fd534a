"""The settings of a training, checked when they are made.

Those of a profile, such as `full`, stand in env/profiles.yaml.
"""

from dataclasses import dataclass, replace

from utils.run import PRECISIONS
from utils.training.optimization import OPTIMIZERS, PLATEAU, SCHEDULES

RANDOM = "random"  # weights that have learned nothing yet
HEAD_RATE = 10  # of fine-tuning: a new head takes larger steps than weights that learned before
AVERAGED = 0.998  # of fine-tuning: decay of the averaged weights, which are kept


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides how a model is trained, except the loss."""

    epochs: int = 8
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    optimizer: str = "adamw"
    schedule: str = "cosine"  # of every step
    warmup: int = 0  # epochs in which the learning rate rises
    head_epochs: int = 0  # at first, in which only the head learns
    head_rate: float = 1.0  # the head's learning rate, as a multiple of the other weights'
    ema: float = 0.0  # decay of the averaged weights, which are then kept; 0: no average
    patience: int = 0  # epochs without a better score before stopping; 0: never stop early
    augment: bool = True
    precision: str = "auto"  # of forward passes, on clean validation too; weights are float32
    seed: int = 0

    def __post_init__(self):
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("schedule", (*SCHEDULES, PLATEAU)),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"unknown {name} {getattr(self, name)!r}; choose from {', '.join(known)}"
                )
        least = {"epochs": 1, "batch_size": 2, "patience": 0, "warmup": 0, "head_epochs": 0}
        for name, least_value in least.items():
            if getattr(self, name) < least_value:
                raise ValueError(
                    f"{name} must be at least {least_value}, got {getattr(self, name)}"
                )
        for name in ("learning_rate", "head_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be at least 0 and below 1, got {self.ema}")
        if self.warmup and (self.schedule == PLATEAU or self.warmup >= self.epochs):
            raise ValueError(
                f"{self.warmup} epochs of warmup need more epochs than that (got {self.epochs}) "
                f"and a schedule other than {PLATEAU} (got {self.schedule})"
            )


def for_weights(config: TrainConfig, weights: str, frozen: bool = False) -> TrainConfig:
    """These settings for a network that begins with such weights; for random ones, as they are.

    Weights that have learned before are fine-tuned: the new head learns faster, the rate rises
    over the first epoch (one cycle rises by itself), and the averaged weights are kept. Where the
    backbone is frozen, the head learns alone and needs none of it.
    """
    if weights == RANDOM or frozen:
        return config
    rises = config.schedule in ("one_cycle", PLATEAU) or config.epochs == 1
    warmup = config.warmup if rises else max(1, config.warmup)
    return replace(config, head_rate=HEAD_RATE, ema=AVERAGED, warmup=warmup)


def for_more(config: TrainConfig) -> TrainConfig:
    """These settings for more training of the same network: its head is no longer new."""
    return replace(config, head_rate=1.0, head_epochs=0, warmup=0)
