"""Files that are written whole or not at all, and reading that runs no code."""

import hashlib
import json
import os
import pickle
from contextlib import contextmanager
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor


@contextmanager
def atomic_write(path: Path):
    """A temporary name to write to, renamed at the end: a reader never sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, facts) -> None:
    """Facts as JSON; what JSON has no type for becomes text."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


def digest(*parts) -> str:
    """The SHA-256 of bytes or arrays, one after the other."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


def short_digest(*parts) -> str:
    """Sixteen letters that change with any of these values; names of files may hold any bytes."""
    return digest("\n".join(map(str, parts)).encode("utf-8", "surrogateescape"))[:16]


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_digest(facts) -> str:
    """The SHA-256 of facts as JSON; their order in a dictionary does not count."""
    return digest(json.dumps(facts, sort_keys=True).encode())


def read_tensors(path: Path, mmap: bool = False) -> dict:
    """Tensors and plain values by name; refuses a damaged file, or one with code in it."""
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        reason = "holds more than tensors and plain values, and was not opened"
        raise ValueError(f"{path} {reason}; delete it unless you know where it is from") from error
    except (SafetensorError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from error


def to_pillow(image: Tensor) -> Image.Image:
    """An image (channels, height, width), uint8, as a picture that Pillow can save."""
    levels = image.cpu().permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)
