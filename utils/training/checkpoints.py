"""What a training leaves on disk: whole files only, no code, and proof of what they belong to."""

import hashlib
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from filelock import FileLock
from safetensors.torch import save_file
from torch import nn

from utils.data.split import Splits
from utils.files import atomic_write, read_tensors, write_json

RECIPE = 1  # raise it when the same settings would train other weights: they are trained anew


@dataclass(frozen=True)
class Checkpoint:
    """One training in one folder.

    asked.json says what the training is; best.safetensors holds the best weights so far;
    last.pt all that resuming needs, while it runs; history.json comes last and means done.
    """

    folder: Path
    config: dict

    def verify_config(self) -> None:
        """Refuse a folder that belongs to another training."""
        path = self.folder / "asked.json"
        if not path.exists():
            return write_json(path, self.config)
        before = json.loads(path.read_text())
        changed = [name for name in self.config if before.get(name) != self.config[name]]
        if changed:
            raise ValueError(
                f"{self.folder} belongs to a training with another {' and '.join(changed)} "
                f"({before.get(changed[0])} there, {self.config[changed[0]]} now); "
                f"choose another folder, or delete this one to train anew"
            )

    @property
    def finished(self) -> bool:
        return (self.folder / "history.json").exists()

    def resume(self, parts: dict) -> list[dict]:
        """Bring model, optimizer and schedule to where they were; the history so far."""
        if not (self.folder / "last.pt").exists():
            return []
        saved = read_tensors(self.folder / "last.pt")
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        return saved["history"]

    def save(self, parts: dict, history: list[dict], is_best: bool) -> None:
        """Best weights first: killed between the two files, the epoch is simply repeated."""
        if is_best:
            weights = parts["model"].state_dict()
            with atomic_write(self.folder / "best.safetensors") as path:
                save_file({name: value.contiguous() for name, value in weights.items()}, path)
        states = {name: part.state_dict() for name, part in parts.items()}
        with atomic_write(self.folder / "last.pt") as path:
            torch.save({**states, "history": history}, path)

    def finish(self, history: list[dict]) -> None:
        """Seal the training; the state for resuming has done its duty."""
        write_json(self.folder / "history.json", history)
        (self.folder / "last.pt").unlink(missing_ok=True)

    def load_best(self, model: nn.Module) -> list[dict]:
        """The best weights into `model`, in evaluation mode; the history."""
        model.load_state_dict(read_tensors(self.folder / "best.safetensors"))
        model.eval()
        return self.history

    @property
    def history(self) -> list[dict]:
        """Of a training that is finished, a row per epoch."""
        return json.loads((self.folder / "history.json").read_text())


def identity(model: nn.Module, splits: Splits, config, loss, score) -> dict:
    """What a training is: nothing else may go on from its checkpoint."""
    return {
        "configuration": asdict(config),
        "loss": _described(loss),
        "score": _described(score),
        "training data": splits.train.fingerprint,
        "validation data": splits.validation.fingerprint,
        "first weights": _digest(model),
        "recipe": RECIPE,
    }


def short_name(asked: dict) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


@contextmanager
def locked(folder: Path):
    """The folder for one process at a time; a killed holder leaves it free."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        yield


def _described(value) -> str:
    """A dataclass by its settings; a plain function by its name, for its repr holds an address."""
    if not hasattr(value, "__qualname__"):
        return repr(value)
    held = [repr(cell.cell_contents) for cell in getattr(value, "__closure__", None) or ()]
    return " ".join([value.__module__, value.__qualname__, *held])


def _digest(model: nn.Module) -> str:
    weights = hashlib.sha256()
    for name, value in model.state_dict().items():
        weights.update(name.encode())
        weights.update(value.cpu().contiguous().numpy())
    return weights.hexdigest()[:16]
