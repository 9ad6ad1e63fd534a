"""The data sets of the full profile, drawn: same names, folders and rules, a few images each."""

from pathlib import Path

from PIL import Image

from utils.data.datasets import DATASETS
from utils.data.phantoms import draw
from utils.data.split import Split

IMAGES, SIZE = 40, 192  # of each set; the files have to be larger than LARGE of the chapters
CHESTS = 96  # generators that paint refuse less than 16 training images of a class
GERM = {"bacterial": "bacteria", "viral": "virus"}


def write_sets(root: Path, images: int = IMAGES, size: int = SIZE) -> Path:
    """`root` as DATA_ROOT: every set that a profile for real images names."""
    write_brains(root / "alzheimer_mri", images, size)
    write_chests(root / "chest_xray", CHESTS, size)
    write_cervices(root / "cervical_cancer", images, size)
    return root


def write_brains(folder: Path, images: int, size: int) -> None:
    """Two slices of each patient, and no name that says so: patients are recovered from pixels."""
    drawn = draw("brain_phantom", size, images // 2, views=2, balanced=True)
    edge = size // 16
    drawn.images[..., :edge, :] = drawn.images[..., -edge:, :] = 0  # as no generator leaves them
    names = DATASETS["alzheimer_mri"].class_names
    for number, label in enumerate(drawn.labels.tolist()):
        save(drawn, number, folder / names[label] / f"{number:03d}.png")


def write_chests(folder: Path, images: int, size: int) -> None:
    """One image of each patient; every fourth of a class lies in the official test folder."""
    drawn = draw("chest_phantom", size, images, views=1, balanced=True)
    for number, label in enumerate(drawn.labels.tolist()):
        germ = GERM.get(drawn.class_names[label])
        part = "test" if number // drawn.classes % 4 == 3 else "train"
        name = f"PNEUMONIA/person{number}_{germ}_1" if germ else f"NORMAL/IM-{number:04d}-0001"
        save(drawn, number, folder / part / f"{name}.jpeg")


def write_cervices(folder: Path, images: int, size: int) -> None:
    """In colour, in wrapped folders, of unknown patients."""
    drawn = draw("cervix_phantom", size, images, views=1, balanced=True)
    names = DATASETS["cervical_cancer"].class_names
    for number, label in enumerate(drawn.labels.tolist()):
        place = folder / ("train/train", "additional")[number % 2] / names[label]
        save(drawn, number, place / f"{number}.jpg")


def save(split: Split, number: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = split.images[number].permute(1, 2, 0).squeeze(2).numpy()
    Image.fromarray(pixels).save(path, quality=95)
