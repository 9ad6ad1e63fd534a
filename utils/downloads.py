"""Data sets that are not here yet: how to get them, and getting them where somebody asks."""

import os
from pathlib import Path

from utils.catalogue import DATASETS, MEDMNIST


def how_to_get(name: str, root: str | Path | None) -> str:
    """Where it was looked for, and what to do next."""
    facts = DATASETS[name]
    home = root or os.environ.get("DATA_ROOT")
    looked = f"not in {Path(home).resolve()}" if home else "no root given and DATA_ROOT not set"
    if name in MEDMNIST or facts.kaggle:
        get = f"load({name!r}, download=True), or get it from {facts.source}"
    else:
        get = f"get it from {facts.source}"
    return (
        f"{name} not found ({looked}). Next: {get}; then give the folder that holds "
        f"{name}{'.npz' if name in MEDMNIST else '/'} as root or as DATA_ROOT"
    )


def downloaded(name: str, size: int, folder: Path) -> Path:
    """Fetched by the tool that its source provides; what needs a place goes to `folder`."""
    facts = DATASETS[name]
    if name in MEDMNIST:
        return _from_medmnist(name, size, folder)
    if not facts.kaggle:
        raise FileNotFoundError(f"{name} cannot be downloaded by itself. {how_to_get(name, None)}")
    try:
        import kagglehub
    except ImportError:
        raise ImportError(
            f"downloading {name} needs kagglehub: pip install kagglehub, "
            f"or get the files yourself from kaggle.com/{facts.kaggle}"
        ) from None
    kind, _, handle = facts.kaggle.partition("/")
    downloads = {
        "datasets": kagglehub.dataset_download,
        "competitions": kagglehub.competition_download,
    }
    return Path(downloads[kind](handle))


def _from_medmnist(name: str, size: int, folder: Path) -> Path:
    try:
        import medmnist
    except ImportError:
        raise ImportError(
            f"downloading {name} needs medmnist: pip install medmnist, "
            f"or get {name}.npz yourself from medmnist.com"
        ) from None
    edge = min((e for e in (28, 64, 128, 224) if e >= size), default=224)
    kind = getattr(medmnist, medmnist.INFO[name]["python_class"])
    folder.mkdir(parents=True, exist_ok=True)
    kind(split="train", download=True, root=str(folder), size=edge)
    return folder / (f"{name}.npz" if edge == 28 else f"{name}_{edge}.npz")
