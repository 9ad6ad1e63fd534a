"""What a training leaves on disk: whole files only, no code, and proof of what they belong to."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from inspect import isfunction
from itertools import chain
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from utils.data.split import Split, Splits
from utils.files import atomic_write, digest, json_digest, read_json, read_tensors, write_json

# Raise it when the same settings would train other weights: all models train anew.
TRAINING_RECIPE = 3


@dataclass(frozen=True)
class Checkpoint:
    """One training in one folder.

    identity.json says which training it is; best.safetensors holds the best weights so far;
    last.pt all that resuming needs, while it runs; history.json comes last and means done.
    """

    folder: Path
    config: dict
    keeps_best: bool = False  # then a training without its best weights is not done

    def verify_config(self) -> None:
        """Refuse a folder that belongs to another training."""
        path = self.folder / "identity.json"
        if not path.exists():
            return write_json(path, self.config)
        before = _read_facts(path, lambda facts: isinstance(facts, dict))
        changed = [name for name in self.config if before.get(name) != self.config[name]]
        if changed:
            raise ValueError(
                f"{self.folder} belongs to a training with another {' and '.join(changed)} "
                f"({before.get(changed[0])} there, {self.config[changed[0]]} now); "
                f"choose another folder, or delete this one to train anew"
            )

    @property
    def finished(self) -> bool:
        whole = not self.keeps_best or self._best.exists()
        return whole and (self.folder / "history.json").exists()

    def resume(self, parts: dict) -> list[dict]:
        """Bring model, optimizer and schedule to where they were; the history so far."""
        if not (self.folder / "last.pt").exists():
            return []
        path = self.folder / "last.pt"
        saved = read_tensors(path)
        if missing := {*parts, "history"} - set(saved if isinstance(saved, dict) else ()):
            raise ValueError(
                f"{path} is no state of this training (it lacks {', '.join(sorted(missing))}); "
                "delete it to begin anew"
            )
        for name, part in parts.items():
            _load_state(part, saved[name], path)
        return saved["history"]

    def save(self, parts: dict, history: list[dict], best: nn.Module | None = None) -> None:
        """Best weights first: killed between the two files, the epoch is simply repeated."""
        if best is not None:
            save_weights(best, self._best)
        states = {name: part.state_dict() for name, part in parts.items()}
        with atomic_write(self.folder / "last.pt") as path:
            torch.save({**states, "history": history}, path)

    def finish(self, history: list[dict]) -> None:
        """Seal the training; nothing is left to resume."""
        write_json(self.folder / "history.json", history)
        (self.folder / "last.pt").unlink(missing_ok=True)

    def load_best(self, model: nn.Module) -> None:
        """The best weights into `model`, in evaluation mode."""
        _load_state(model, read_tensors(self._best), self._best)
        model.eval()

    @property
    def history(self) -> list[dict]:
        """One row per epoch of a finished training."""
        return _read_facts(self.folder / "history.json", _are_rows)

    @property
    def _best(self) -> Path:
        return self.folder / "best.safetensors"


def identity(model: nn.Module, splits: Splits, config, loss, score) -> dict:
    """Everything that decides the result of a training: only an equal one may resume it."""
    return {
        "configuration": asdict(config),
        "loss": description(loss),
        "score": description(score),
        "training data": splits.train.content_hash(),
        "validation data": splits.validation.content_hash(),
        "first weights": weights_digest(model),
        "recipe": TRAINING_RECIPE,
    }


def description(value) -> str:
    """A dataclass by its settings, a split by its pixels, a function by its name.

    The text is the same in every process, unlike the repr of a function, which holds an address.
    """
    if isinstance(value, Split):
        return value.content_hash()
    if is_dataclass(value):
        settings = (
            f"{each.name}={description(getattr(value, each.name))}" for each in fields(value)
        )
        return f"{type(value).__name__}({', '.join(settings)})"
    if not isfunction(value):
        return repr(value)
    if value.__closure__:
        raise TypeError(
            f"{value.__qualname__} uses variables of the function around it, so that checkpoints "
            "cannot tell two of its kind apart; make it a frozen dataclass with __call__"
        )
    return f"{value.__module__} {value.__qualname__}"


def weights_digest(model: nn.Module) -> str:
    """Changes with any weight or buffer, or its name."""
    state = model.state_dict().items()
    named = ((name.encode(), value.cpu().contiguous().numpy()) for name, value in state)
    return digest(*chain(*named))[:16]


def short_name(facts: dict) -> str:
    return json_digest(facts)[:12]


def save_weights(model: nn.Module, file: Path) -> None:
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    with atomic_write(file) as path:
        save_file(weights, path)


def _load_state(part, state, path: Path) -> None:
    try:
        part.load_state_dict(state)
    except Exception as error:  # a state can be wrong in more ways than one
        raise ValueError(
            f"{path} does not fit this training ({error}); delete {path.parent} and train anew"
        ) from error


def _read_facts(path: Path, is_sound: Callable):
    advice = f"delete {path.parent} and train anew"
    found = read_json(path, advice)
    if not is_sound(found):
        raise ValueError(f"{path} is damaged (it holds {str(found)[:40]}); {advice}")
    return found


def _are_rows(history) -> bool:
    return bool(history) and isinstance(history, list) and all(isinstance(r, dict) for r in history)
