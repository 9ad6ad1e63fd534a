"""The trained model of a chapter, kept for the chapters that build on it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from utils import HOME
from utils.backbones.classifier import Classifier, build
from utils.course.course_map import read_minutes
from utils.course.execute import run_notebook
from utils.course.parameters import refuse_unknown
from utils.course.plan import read_course
from utils.data.split import Splits
from utils.figures.elements.style import plural
from utils.files import atomic_write, locked, read_tensors
from utils.run import Run, announced
from utils.training.checkpoints import TRAINING_RECIPE
from utils.training.config import TrainConfig


@dataclass(frozen=True)
class TrainedModel:
    """A model as its chapter left it, and the parameters with which that chapter was run."""

    model: Classifier
    config: TrainConfig
    parameters: dict
    chapter: str

    @property
    def unusual(self) -> dict:
        """The parameters that are not the chapter's own defaults."""
        return read_course()[self.chapter].overrides(self.parameters)


def save_trained(
    run: Run, model: Classifier, config: TrainConfig, splits: Splits, parameters: dict
) -> None:
    """Keep the trained model of a chapter under the chapter's name, with its settings."""
    settings = {"parameters": parameters, "config": asdict(config), **_data(splits)}
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    with atomic_write(_file(run)) as path:  # one file, so that facts and weights stay together
        save_file(weights, path, metadata={"made": json.dumps(settings)})


def load_trained(run: Run, splits: Splits, parameters: dict, data_root: str = "") -> TrainedModel:
    """The model of this run's chapter; where none fits, the chapter runs now, without a screen.

    A model fits if it was trained on exactly these images, with those of the `parameters` that
    the chapter knows.
    """
    path = _file(run)
    with locked(path.parent):
        if mismatch := _mismatch(path, splits, parameters):
            with announced(f"the chapter {run.name} runs first{_cost(run.name)}, as {mismatch}"):
                _run_chapter(run.name, {**parameters, "DATA_ROOT": data_root})
        if mismatch := _mismatch(path, splits, parameters):
            raise RuntimeError(f"the chapter {run.name} ran, and still {mismatch}")
        settings, weights = _read_settings(path), read_tensors(path)
    chosen = settings["parameters"]
    model = build(
        chosen["BACKBONE"],
        splits.train.classes,
        splits.train.size,
        frozen=chosen.get("FROZEN", False),
        device=run.device,
    )
    model.load_state_dict(weights)
    return TrainedModel(model, TrainConfig(**settings["config"]), chosen, run.name)


def _mismatch(path: Path, splits: Splits, parameters: dict) -> str:
    """Why the model there does not fit; empty if it does."""
    settings = _read_settings(path)
    if not settings:
        return "it left no model"
    found, wanted = {**settings["parameters"], **settings}, {**parameters, **_data(splits)}
    changed = [name for name in wanted if name in found and found[name] != wanted[name]]
    return ", ".join(f"{name} is {found[name]!r}, not {wanted[name]!r}" for name in changed)


def _read_settings(path: Path) -> dict:
    """The settings of the model there; empty where there is none, or a damaged one."""
    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {}).get("made", "{}"))
    except (FileNotFoundError, SafetensorError, ValueError):  # the facts may be damaged alone
        return {}


def _data(splits: Splits) -> dict:
    return {"training data": splits.train.content_hash(), "recipe": TRAINING_RECIPE}


def _run_chapter(name: str, parameters: dict) -> None:
    course = read_course()
    refuse_unknown("chapter", [name], course)
    run_notebook(course[name].path, course[name].overrides(parameters))


def _cost(name: str) -> str:
    """How long a chapter takes, where that is known."""
    minutes = read_minutes(HOME).get(name)
    return f" (about {plural(minutes, 'minute')} on one core as it is committed)" if minutes else ""


def _file(run: Run) -> Path:
    return run.checkpoints / f"seed_{run.seed}" / "model.safetensors"
