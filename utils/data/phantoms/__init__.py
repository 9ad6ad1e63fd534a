"""Images that the course draws itself: patients, graded findings, masks.

They need no real data, and the truth about each image is known: its patient, and where the finding
lies. They are not a model of any disease.

drawing           ellipses, noise and other strokes
template          the average brain of 152 people, which the brains are made from
brain             axial slices of MRI: four grades of dementia
chest_findings    findings in the lungs
several_findings  several of them in one patient
chest             a body in depth that has one of them, or none
film              its X-ray: photons, exposure, devices, a hospital's letters
cervix            photographs: three types of transformation zone
source            drawn images as a data set
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms import brain, cervix, chest, chest_findings, several_findings
from utils.data.split import Split

MIN_PATIENTS = 3  # patients of each class: one for training, one for validation, one for testing


@dataclass(frozen=True)
class Phantom:
    """What can be drawn: `classes` maps each name to its facts, with the usual `patients`."""

    shows: str
    channels: int
    views: int  # images per patient
    classes: Mapping[str, object]
    draw_patient: Callable[[object, int, int, Random], tuple[Tensor, Tensor]]
    random_findings: Callable[[Random, str | None], tuple[str, ...]] | None = None
    usual_patients: int = 0  # where the classes do not say how many they have

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.classes)

    @property
    def has_findings(self) -> bool:
        """Whether a patient may have several findings at once, or none."""
        return self.random_findings is not None

    @property
    def patients(self) -> tuple[int, ...]:
        """Patients per class, by default."""
        return tuple(facts.patients for facts in self.classes.values())


PHANTOMS = {
    "brain_phantom": Phantom("axial brain MRI", 1, 3, brain.GRADES, brain.draw_patient),
    "chest_phantom": Phantom(
        "frontal chest X-ray", 1, 3, chest_findings.PNEUMONIA, chest.draw_patient
    ),
    "cervix_phantom": Phantom("colposcopy of the cervix", 3, 4, cervix.TYPES, cervix.draw_patient),
    "findings_phantom": Phantom(
        "frontal chest X-ray, ten findings", 1, 3, chest_findings.TEN_FINDINGS, chest.draw_patient
    ),
    "chest_findings_phantom": Phantom(
        "frontal chest X-ray, several findings at once",
        *(1, 3, several_findings.SHADOWS, several_findings.draw_patient),
        random_findings=several_findings.random_findings,
        usual_patients=several_findings.PATIENTS,
    ),
}


def draw(
    name: str,
    size: int = 64,
    patients: int | None = None,
    seed: int = 0,
    views: int = 0,
    balanced: bool = False,
) -> Split:
    """All images of a phantom, `size` pixels wide; `groups` numbers the patients.

    The first patients of a larger draw are the patients of a smaller one, and their
    anatomy is the same at every size. `views` are the images per patient; 0 means the usual
    number. The classes have their usual shares; in a `balanced` draw they take turns. Findings that
    come together always have their usual shares.
    """
    phantom = _known(name)
    patients, views = _checked(phantom, size, patients), views or phantom.views
    labels, facts = _labels_and_facts(phantom, patients, f"{name} {seed}", balanced)
    shape = (patients, views, phantom.channels, size, size)
    images = torch.empty(shape, dtype=torch.uint8)
    masks = torch.empty(shape[:2] + shape[3:], dtype=torch.bool)

    @torch.inference_mode()  # a tenth quicker: most tensors here are small
    def draw_patient(patient: int) -> None:
        rng = Random(f"{name} {seed} {patient}")
        drawn = phantom.draw_patient(facts[patient], size, views, rng)
        images[patient] = (drawn[0].clamp(0, 1) * 255).round().to(torch.uint8)
        masks[patient] = drawn[1]

    _for_each(range(patients), draw_patient, size)
    each = torch.arange(patients).repeat_interleave(views)
    return Split(
        images=images.flatten(0, 1),
        labels=labels[each],
        class_names=phantom.class_names,
        groups=each,
        masks=masks.flatten(0, 1),
    )


def _for_each(patients: range, act: Callable[[int], None], size: int) -> None:
    """Act on each patient on one thread, so that the arithmetic never varies.

    Large images are drawn several at a time; small ones would only wait for each other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads if size >= 256 else 1) as pool:
            list(pool.map(act, patients))
    finally:
        torch.set_num_threads(threads)


def _known(name: str) -> Phantom:
    if name not in PHANTOMS:
        raise ValueError(f"unknown phantom {name!r}; choose from {', '.join(PHANTOMS)}")
    return PHANTOMS[name]


def _checked(phantom: Phantom, size: int, patients: int | None) -> int:
    """The number of patients, or what is wrong with the request."""
    if not 32 <= size <= 768:
        raise ValueError(f"size must be from 32 to 768 pixels, got {size}")
    if patients is None:
        patients = phantom.usual_patients or sum(phantom.patients)
    fewest = MIN_PATIENTS * len(phantom.classes)
    if patients < fewest:
        raise ValueError(
            f"{patients} patients are too few to split {len(phantom.classes)} classes; "
            f"ask for at least {fewest}, {MIN_PATIENTS} of each class"
        )
    return patients


def fewest_patients(name: str) -> int:
    """The fewest patients that can be drawn: a few of each class."""
    return MIN_PATIENTS * len(_known(name).classes)


def _labels_and_facts(
    phantom: Phantom, patients: int, draw: str, balanced: bool
) -> tuple[Tensor, list]:
    """The label of each patient, or the column of each finding, and what to draw for it."""
    if phantom.has_findings:
        present = [_findings(phantom, patient, draw) for patient in range(patients)]
        columns = [[int(name in found) for name in phantom.classes] for found in present]
        return torch.tensor(columns), present
    labels = _in_turn(phantom, patients) if balanced else _labels(phantom, patients)
    facts = list(phantom.classes.values())
    return torch.tensor(labels), [facts[label] for label in labels]


def _findings(phantom: Phantom, patient: int, draw: str) -> tuple[str, ...]:
    """What a patient has; the first ones make sure that each finding is there a few times."""
    names = list(phantom.classes)
    certain = names[patient % len(names)] if patient < MIN_PATIENTS * len(names) else None
    return phantom.random_findings(Random(f"{draw} {patient} findings"), certain)


def _in_turn(phantom: Phantom, patients: int) -> list[int]:
    return [patient % len(phantom.classes) for patient in range(patients)]


def _labels(phantom: Phantom, patients: int) -> list[int]:
    """The class of each patient: first a few of every class, then always the class farthest
    below its share, so that no patient's class depends on how many come after.
    """
    shares = [count / sum(phantom.patients) for count in phantom.patients]
    labels = list(range(len(shares))) * MIN_PATIENTS
    counts = [MIN_PATIENTS] * len(shares)
    for number in range(len(labels) + 1, patients + 1):
        lags = [share * number - count for share, count in zip(shares, counts, strict=True)]
        labels.append(lags.index(max(lags)))
        counts[labels[-1]] += 1
    return labels
