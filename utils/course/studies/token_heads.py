"""What should a head on frozen tokens read, and how should it learn?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.backbones.classifier import Classifier
from utils.data.split import Split, to_float
from utils.evaluation.metrics import balanced_accuracy
from utils.files import digest
from utils.run import device_of
from utils.training.features import head_predictions
from utils.training.losses import CrossEntropy, balancing_weights
from utils.training.studies import Report

READS: dict[str, Callable[[Tensor], Tensor]] = {
    "class token": lambda tokens: tokens[:, 0],
    "mean of the patches": lambda tokens: tokens[:, 1:].mean(1),
    "both": lambda tokens: torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], 1),
}


def frozen_tokens(model: Classifier, split: Split, batch_size: int = 128) -> Tensor:
    """The last tokens of a vision transformer: (n, 1 + patches, width), the class token first."""
    device, rows = device_of(model), []
    with torch.no_grad(), eval_mode(model):
        for images in split.images.split(batch_size):
            pixels = to_float(images.to(device)).expand(-1, 3, -1, -1)
            tokens = model.backbone.forward_features((pixels - model.mean) / model.std)
            others = model.backbone.num_prefix_tokens - 1  # registers, which no head reads
            rows.append(torch.cat([tokens[:, :1], tokens[:, 1 + others :]], 1).float().cpu())
    return torch.cat(rows)


@dataclass(frozen=True)
class TokenHeads:
    """A linear head on tokens that are computed once.

    A setting says what the head `reads`, whether that is `standardised` first, the
    `learning_rate`, the `label_smoothing`, and the share of the patches that each batch goes
    without (`patch_drop`), which only matters where patches are read. The score is balanced
    accuracy on validation.
    """

    train: Split
    train_tokens: Tensor
    validation: Split
    validation_tokens: Tensor
    stages: int = 8  # epochs
    batch_size: int = 32

    @property
    def facts(self) -> dict:
        tokens = self.train_tokens, self.validation_tokens
        return {
            "data": [self.train.content_hash(), self.validation.content_hash()],
            "tokens": [digest(each.contiguous().numpy()) for each in tokens],
            "epochs": self.stages,
            "batch": self.batch_size,
        }

    def __call__(self, settings: dict, report: Report) -> float:
        torch.manual_seed(0)  # every trial draws the same weights and the same order
        read = self._reader(settings)
        loss = CrossEntropy(balancing_weights(self.train), settings["label_smoothing"])
        head = nn.Linear(read(self.train_tokens[:1]).shape[1], self.train.classes)
        optimizer = torch.optim.AdamW(head.parameters(), settings["learning_rate"])
        scores = []
        for _ in range(self.stages):
            for rows in torch.randperm(len(self.train)).split(self.batch_size):
                tokens = _without(self.train_tokens[rows], settings["patch_drop"])
                optimizer.zero_grad()
                loss.of(head(read(tokens)), self.train.labels[rows]).backward()
                optimizer.step()
            scores.append(self._score(head, read))
            report({"score": scores[-1]})
        return max(scores)

    def _reader(self, settings: dict) -> Callable[[Tensor], Tensor]:
        """Tokens in, the input of the head out."""
        reads = READS[settings["reads"]]
        if not settings["standardised"]:
            return reads
        known = reads(self.train_tokens)
        mean, spread = known.mean(0), known.std(0).clamp_min(1e-6)
        return lambda tokens: (reads(tokens) - mean) / spread

    def _score(self, head: nn.Linear, read: Callable[[Tensor], Tensor]) -> float:
        found = head_predictions(head, read(self.validation_tokens), self.validation)
        return float(balanced_accuracy(found.confusion))


def _without(tokens: Tensor, share: float) -> Tensor:
    """The class token, and another choice of patches for each batch."""
    patches = tokens.shape[1] - 1
    kept = torch.randperm(patches)[: max(1, round((1 - share) * patches))] + 1
    return torch.cat([tokens[:, :1], tokens[:, kept]], 1)
