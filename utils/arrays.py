"""Images that come as arrays in one file, as MedMNIST delivers them."""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from utils.splits import resized

LIMIT = 32 * 2**30  # bytes that a file may unpack to


def array_file(path: Path, size: int) -> tuple[Tensor, Tensor, np.ndarray]:
    """Images, labels and parts of a MedMNIST .npz, resized; nothing in it is executed."""
    try:
        with ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > LIMIT:
            raise ValueError(f"it unpacks to {total:,} bytes, the limit is {LIMIT:,}")
        with np.load(path, allow_pickle=False) as arrays:
            images = [arrays[f"{part}_images"] for part in ("train", "val", "test")]
            labels = [arrays[f"{part}_labels"] for part in ("train", "val", "test")]
    except (BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is no MedMNIST file: {error}") from error
    if any(label.ndim != 2 or label.shape[1] != 1 for label in labels):
        raise ValueError(f"{path} gives several labels per image; one is needed")
    parts = np.repeat(["train", "validation", "test"], [len(label) for label in labels])
    pixels = torch.from_numpy(np.concatenate(images))
    pixels = pixels[:, None] if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)
    return resized(pixels, size), torch.from_numpy(np.concatenate(labels)[:, 0]).long(), parts
