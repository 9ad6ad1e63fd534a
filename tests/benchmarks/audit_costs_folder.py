"""A folder of images with faults that the audit, CleanVision and Datalab all look for.

Libraries are imported where they are used: a process that is measured needs the names alone.
"""

from pathlib import Path

SIZE, EACH = 128, 0.01  # pixels; share of the images with each fault
QUALITY = {  # faults by the names that the audit and CleanVision give them
    "dark": "dark", "bright": "light", "blurred": "blurry", "low information": "low_information",
    "odd size": "odd_size", "odd aspect": "odd_aspect_ratio",
}  # fmt: skip
COPY, LABEL = "copy", "wrong label"


def write_folder(place: Path, count: int, source: str) -> dict[str, set[str]]:
    """The images below `place`, and the files that each fault has touched."""
    import numpy as np
    from audit_faults import FAULTS
    from PIL import Image

    rng, truth = np.random.default_rng(0), {}
    images = list(_given(Path(source), count, rng) if source else _drawn(count))
    classes = sorted({name for _, name in images})
    each = max(3, int(EACH * len(images)))
    faults = np.repeat([*QUALITY, COPY, LABEL], each).tolist()
    faults += [""] * (len(images) - len(faults))
    for number, ((image, name), fault) in enumerate(zip(images, faults, strict=True)):
        image = FAULTS[fault][0](image, rng) if fault in QUALITY else image
        if fault == LABEL:
            name = classes[(classes.index(name) + 1) % len(classes)]
        for copy in range(1 + (fault == COPY)):
            path = place / name / f"{number:05}{'ab'[copy]}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(image)).save(path)
            truth.setdefault(fault, set()).add(str(path.relative_to(place)))
    return truth


def _drawn(count: int):
    from PIL import Image

    from utils.data.phantoms import draw

    split = draw("brain_phantom", SIZE, count, seed=7, views=1)
    for image, label in zip(split.images, split.labels.tolist(), strict=True):
        yield Image.fromarray(image[0].numpy()), split.class_names[label]


def _given(folder: Path, count: int, rng):
    from PIL import Image

    files = sorted(
        path for path in folder.glob("*/*.*") if path.suffix in (".png", ".jpg", ".jpeg")
    )
    for row in rng.permutation(len(files))[:count]:
        yield Image.open(files[row]).convert("L"), files[row].parent.name
