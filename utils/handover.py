"""The model that a chapter leaves behind, for the chapters that build on it."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file

from utils.backbones import Classifier, build
from utils.chapters import read_course
from utils.checkpoints import RECIPE, held
from utils.files import read_tensors, write_json, written_whole
from utils.run import Run
from utils.splits import Splits
from utils.training import TrainConfig


def leave(
    run: Run, model: Classifier, config: TrainConfig, splits: Splits, parameters: dict
) -> None:
    """Keep the trained model of a chapter under the chapter's name, with how it was made."""
    folder = _folder(run)
    (folder / "made.json").unlink(missing_ok=True)  # it vouches for the weights beside it
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    with written_whole(folder / "model.safetensors") as path:
        save_file(weights, path)
    facts = {"parameters": parameters, "config": asdict(config), **_data(splits)}
    write_json(folder / "made.json", facts)


def left_by(
    run: Run, splits: Splits, parameters: dict, data_root: str = ""
) -> tuple[Classifier, TrainConfig]:
    """The model that the chapter of this run left, and how it was trained.

    It must have been trained on these very images, with these `parameters` as far as the
    chapter knows them. Where there is no such model, the chapter is run now, without a screen.
    """
    folder = _folder(run)
    with held(folder):
        if _objection(folder, splits, parameters):
            _run_chapter(run.name, {**parameters, "DATA_ROOT": data_root})
        if objection := _objection(folder, splits, parameters):
            raise RuntimeError(f"the chapter {run.name} was run, and still {objection}")
    made = json.loads((folder / "made.json").read_text(encoding="utf-8"))
    chosen = made["parameters"]
    model = build(
        chosen["BACKBONE"],
        splits.train.classes,
        splits.train.size,
        frozen=chosen.get("FROZEN", False),
        device=run.device,
    )
    model.load_state_dict(read_tensors(folder / "model.safetensors"))
    return model, TrainConfig(**made["config"])


def _objection(folder: Path, splits: Splits, parameters: dict) -> str:
    """Why the model in the folder is not the one that is wanted; empty if it is."""
    if not (folder / "made.json").exists():
        return "it has left no model"
    made = json.loads((folder / "made.json").read_text(encoding="utf-8"))
    found, wanted = {**made["parameters"], **made}, {**parameters, **_data(splits)}
    changed = [name for name in wanted if name in found and found[name] != wanted[name]]
    return ", ".join(f"{name} is {found[name]!r}, not {wanted[name]!r}" for name in changed)


def _data(splits: Splits) -> dict:
    return {"training data": splits.train.fingerprint, "recipe": RECIPE}


def _run_chapter(name: str, parameters: dict) -> None:
    import papermill  # here: it takes two seconds, and only who is without a model needs it

    chapter = read_course()[name]
    papermill.execute_notebook(
        chapter.path,
        None,
        chapter.given(parameters),
        kernel_name="python3",
        language="python",
        cwd=chapter.path.parent,
        progress_bar=False,
    )


def _folder(run: Run) -> Path:
    return run.checkpoints / f"seed_{run.seed}"
