"""One training loop for every loss; it can be killed at any moment and resumed."""

from pathlib import Path

from torch import nn

from utils.data.split import Splits
from utils.training.checkpoints import Checkpoint, identity, short_name
from utils.training.config import TrainConfig
from utils.training.epochs import run_epochs
from utils.training.losses import CrossEntropy, EpochScore, Loss, ValidationScore
from utils.training.trainer import Trainer


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
    trainer = Trainer(model, splits, config, loss, score)
    history = run_epochs(
        checkpoint,
        trainer.parts,
        trainer.epoch,
        config.epochs,
        config.seed,
        kept=trainer.chosen,
        is_best=lambda history: best_epoch(history) is history[-1],
        stops_early=lambda history: _stops_early(history, config.patience),
    )
    checkpoint.load_best(model)
    return history


def best_epoch(history: list[dict]) -> dict:
    """The row with the highest score; of equals, the one with the lowest validation loss."""
    return max(history, key=lambda row: (row["score"], -row["validation_loss"]))


def _stops_early(history: list[dict], patience: int) -> bool:
    return bool(history and patience) and (
        history[-1]["epoch"] - best_epoch(history)["epoch"] >= patience
    )
