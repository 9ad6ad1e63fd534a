"""The five student projects whose questions the course took over: their figures beside ours."""

from collections.abc import Callable
from dataclasses import dataclass

from utils.course.real.steps import Results, as_interval, is_flagged

NONE = "–"
WITHHELD = "not shown, a red flag"


@dataclass(frozen=True)
class Question:
    """A question with the answer that a project reported, and why ours differs."""

    project: str
    asks: str
    theirs: str  # as the project states it
    ours: Callable[[Results], str]
    why: str


def number(results: Results, dataset: str, step: str, name: str) -> str:
    """A score in percent with its interval; a dash where it was not measured or is flagged."""
    part = results.get(dataset, {"steps": {}})["steps"].get(step, {})
    row = part.get("scores", {}).get(name)
    return NONE if row is None or is_flagged(part) else str(as_interval(row))


def _folds(results: Results) -> str:
    sides = ("folds by image", "folds by patient")
    found = [number(results, "alzheimer_mri", "leakage", f"{side}, accuracy") for side in sides]
    return f"dementia or none: {found[0]} with folds by image, {found[1]} with folds by patient"


def _hardened(results: Results) -> str:
    scores = {"clean": "hardened, clean, all test images", "PGD 4": "hardened, PGD"}
    found = [
        f"{name} {number(results, 'chest_xray', 'hardened gain', score)}"
        for name, score in scores.items()
    ]
    return f"chest X-rays, a narrow network, balanced accuracy: {', '.join(found)}"


def _vote(results: Results) -> str:
    clean, one = (
        number(results, "chest_xray", "ensemble", name) for name in ("clean", "as one model, 1")
    )
    return f"chest X-rays, balanced accuracy: clean {clean}, attacked as one model {one}"


def _kinds(results: Results) -> str:
    return number(results, "chest_xray", "clean", "accuracy")


def _fakes(results: Results) -> str:
    return NONE  # no generator is trained on real images


def _colour(results: Results) -> str:
    found = []
    for step in ("standard", "hardened"):
        scores = {"clean": "clean", "PGD 4": "pgd 4"}
        shown = [f"{k} {number(results, 'blood_cells', step, name)}" for k, name in scores.items()]
        flagged = is_flagged(results.get("blood_cells", {"steps": {}})["steps"].get(step, {}))
        found.append(f"{step}: {WITHHELD if flagged else ', '.join(shown)}")
    return f"blood cells, balanced accuracy; {'; '.join(found)}"


def _scaling(results: Results) -> str:
    names = ("nothing hidden", "another diagnosis", "another diagnosis, repaired")
    found = [f"{n} {number(results, 'chest_xray', 'hidden pictures', n)}" for n in names]
    area = number(results, "chest_xray", "hidden pictures", "AUROC of hidden pictures")
    return f"balanced accuracy: {', '.join(found)}; AUROC of the detector {area}"


QUESTIONS = (
    Question(
        *("Alzheimer MRI", "accuracy on slices"),
        "96.0, 98.6, 98.9",
        _folds,
        "Their test slices are of patients that training has seen.",
    ),
    Question(
        *("Alzheimer MRI", "accuracy after adversarial training"),
        "FGSM at 1.3 of 255: 41.7, 43.8, 8.1; PGD: 71.9, 88.6, 98.8",
        _hardened,
        "Their PGD moved a tenth of epsilon at most, so it did less than one step.",
    ),
    Question(
        *("Alzheimer MRI", "accuracy of the ensemble"),
        "clean 98.5, FGSM 32.6",
        _vote,
        "Their members each got an image of their own, so the ensemble was not attacked.",
    ),
    Question(
        *("contaminated chest X-rays", "accuracy, kinds of pneumonia"),
        "38.4 without their method, 46.7 with it",
        _kinds,
        "In their code the method is not in the loss. Our network has ImageNet weights.",
    ),
    Question(
        *("fake chest X-rays", "accuracy on fakes"),
        "real 98; fakes 63, 57, 55",
        _fakes,
        "Without a control at the same sharpness, a fall shows blur as much as falsehood.",
    ),
    Question(
        *("cervical cancer", "accuracy with adversarial training"),
        "clean 49.9; every attack raised it",
        _colour,
        "Their attack left the range of the pixels. No images of the cervix were at hand.",
    ),
    Question(
        *("image scaling", "diagnosis of a file that hides another"),
        "not measured; their files were JPEG, which destroys the attack",
        _scaling,
        "Lossless files, a network behind the pipeline, a detector without the original.",
    ),
)


def project_rows(results: Results) -> list[list[str]]:
    """A row for each question: project, question, their figure, ours, why they differ."""
    found = [each.ours(results) for each in QUESTIONS]
    measured = [ours if "(" in ours else NONE for ours in found]  # an interval, at least
    return [
        [each.project, each.asks, each.theirs, ours, each.why]
        for each, ours in zip(QUESTIONS, measured, strict=True)
    ]
