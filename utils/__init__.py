"""Everything the notebooks share. A package imports only from those above it in this list.

files          whole files, and reading that runs no code
run            names, seeds, device, folders: where a run keeps its things
backbones      the classifiers, and files of weights, checked by their hash
data           Split, data sets by name, reading files, splitting by patient, drawn images
attacks        test-time attacks: (model, images, labels) -> images
evaluation     predictions, metrics, intervals, claims, attack suite, red flags, saliency
training       one loop, losses, checkpoints, cross-validation, tuning
contamination  corruptions, wrong labels, backdoors, fakes, inpainting, image scaling
figures        every picture: arrays in, Figure out
defences       losses and modules that make a model harder to fool, and cleaning of data
detection      a score per image: which one is wrong?
audit          a folder, before training
examine        a model, before use
course         the command line, the runner, tables for the reader, museum, reading kit, playground
"""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]  # this code
ROOT = Path(os.environ.get("SECOND_LOOK_ROOT", HOME)).resolve()  # notebooks, assets, checkpoints
ALIAS = "folder:"  # of your own images: folder:PATH is the same as PATH

# Data sets by name: any other name is a path. They stand here because folders of runs are called
# by them; utils/data/datasets.py has the facts, and a test compares the names.
PHANTOM_NAMES = (
    *("brain_phantom", "chest_phantom", "cervix_phantom", "findings_phantom"),
    "chest_findings_phantom",
)
FILE_NAMES = ("alzheimer_mri", "chest_xray", "cervical_cancer", "blood_cells")
MEDMNIST_NAMES = (
    *("pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist"),
    *("bloodmnist", "tissuemnist", "organamnist", "organcmnist", "organsmnist", "chestmnist"),
)
NAMES = (*PHANTOM_NAMES, *FILE_NAMES, *MEDMNIST_NAMES)


def exports(package: str, **names: str) -> Callable[[str], object]:
    """A package's `__getattr__`: its public names, each loaded with its module at first use.

    So `from utils.attacks import PGD` loads utils/attacks/pgd.py and nothing else.
    """
    homes = {name: module for module, each in names.items() for name in each.split()}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find


__getattr__ = exports(
    __name__,
    run="start_run",
    **{
        "backbones.classifier": "Classifier build network_size",
        "backbones.row_reader": "RowReader",
    },
)
