"""Images the model has not seen: large ones of unseen patients, and photographs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torchvision.transforms.v2.functional import resize, rgb_to_grayscale

from utils.data.duplicates import NEAR, nearest, small_grey
from utils.data.loading import load
from utils.data.phantoms.source import DrawnImages
from utils.data.source import source_of
from utils.data.split import Split, Splits, concatenate


def unseen_patients(
    name: str,
    size: int,
    patients: int = 0,
    seed: int = 0,
    root: str | Path | None = None,
    other: str | Path | None = None,
    views: int = 0,
) -> Split:
    """Images of patients that the classifier has not seen: new ones of a phantom, otherwise the
    test set, or everything in the folder `other`, which may hold larger copies than `root`.

    At most `patients`, and `views` of each; 0 means all. With `views`, the patients of a phantom
    are drawn with so many images each, and all classes are equally frequent. Images smaller than
    `size` are enlarged and leave little room to hide anything.
    """
    source = source_of(name, other or root, size)
    if isinstance(source, DrawnImages):
        return source.draw(size, patients, seed + 1, views)
    found = load(name, size, other).all_images if other else load(name, size, root).test
    owners = torch.as_tensor(found.patients)
    kept = owners.unique()
    if patients:
        order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(seed))
        kept = kept[order[:patients]]
    return found.take(torch.isin(owners, kept)).per_patient(views)


def at_file_size(
    test: Split, name: str, size: int, seed: int = 0, root: str | Path | None = None
) -> Split:
    """The test images as large as their files, for what acts there; of drawn data, new patients.

    Files are found by their names, and keep their patients: where these are recovered from pixels,
    a split at another size could test on patients of the training.
    """
    if test.files is None:
        patients = np.unique(test.patients)
        drawn = unseen_patients(name, size, len(patients), seed, root, views=1)
        return replace(drawn, groups=torch.as_tensor(drawn.patients) + int(patients.max()) + 1)
    found = load(name, size, root).all_images
    rows = {key: row for row, key in enumerate(_files_and_frames(found))}
    kept = [place for place, key in enumerate(_files_and_frames(test)) if key in rows]
    test = test.take(kept)
    larger = found.take([rows[key] for key in _files_and_frames(test)])
    return replace(larger, groups=test.groups)


def _files_and_frames(split: Split) -> list[tuple[str, int]]:
    frames = [0] * len(split) if split.frames is None else split.frames.tolist()
    return list(zip(split.files, frames, strict=True))


def exclude_patients_of(splits: Splits, images: Tensor) -> Splits:
    """The splits without training and validation patients that these images, of any size, show.

    Give whole splits: any image of a patient identifies the patient.
    """
    return replace(
        splits,
        train=_without(splits.train, images),
        validation=_without(splits.validation, images),
    )


def _without(split: Split, images: Tensor) -> Split:
    distances, _ = nearest(small_grey(split.images), small_grey(images))
    known = split.patients[(distances[:, 0] <= NEAR).numpy()]
    return split.take(~np.isin(split.patients, known))


def concatenate_patients(split: Split, others: Split) -> Split:
    """The images of both, with patients numbered anew: no patient is in both."""
    first, second = (torch.as_tensor(part.patients) for part in (split, others))
    both = ((split, first), (others, first.max() + 1 + second))
    return concatenate(*(replace(part, groups=g, masks=None, changed=None) for part, g in both))


CROP = 200  # pixels, width and height of a crop of a photograph


def foreign_photographs(like: Split, count: int = 40, seed: int = 0) -> Split:
    """Crops of the photographs in scikit-learn, with the size and channels of `like`.

    Their labels mean nothing; all are the first class.
    """
    rng, pictures = np.random.default_rng(seed), load_sample_images().images
    crops = [_crop(pictures[number % len(pictures)], rng) for number in range(count)]
    images = resize(torch.stack(crops), list(like.images.shape[2:]), antialias=True)
    if like.images.shape[1] == 1:
        images = rgb_to_grayscale(images)
    return Split(images, torch.zeros(count, dtype=torch.long), like.class_names)


def _crop(picture: np.ndarray, rng: np.random.Generator) -> Tensor:
    top, left = (rng.integers(length - CROP) for length in picture.shape[:2])
    crop = picture[top : top + CROP, left : left + CROP].transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(crop))
