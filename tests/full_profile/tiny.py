"""The full profile with a ceiling over everything that costs time; all else stays as it is."""

from pathlib import Path

import yaml

from utils.course.plan import Notebook, parameters_of

OFFLINE = {"WEIGHTS": {"pretrained": "random"}}  # published weights need a network

# The most that a parameter may be; 0 means all, of few images, and stays.
CEILINGS = {
    **dict.fromkeys(("EPOCHS", "SECOND_EPOCHS"), 2),
    **dict.fromkeys(("ADVERSARIAL_EPOCHS", "NOISE_EPOCHS", "FINDING_EPOCHS"), 1),
    **dict.fromkeys(("GAN_EPOCHS", "DIFFUSION_EPOCHS", "DETECTOR_EPOCHS"), 1),
    **dict.fromkeys(("PAINTER_EPOCHS", "OTHER_EPOCHS", "GROW"), 1),
    **dict.fromkeys(("STEPS", "ATTACK_STEPS", "LESSON_STEPS", "TRAINING_STEPS"), 2),
    **dict.fromkeys(("TRIALS", "ADVERSARIAL_TRIALS", "ATTACKER_TRIALS", "HEAD_TRIALS"), 2),
    **dict.fromkeys(("TRIAL_IMAGES", "ADVERSARIAL_TRIAL_IMAGES", "FEW_IMAGES"), 24),
    **dict.fromkeys(("SEEDS", "TRAININGS", "COPIES", "RESTARTS"), 2),
    **dict.fromkeys(("ATTACKER_GRADIENTS", "MINIMAL_STEPS", "LONG"), 4),
    **dict.fromkeys(("PAINTER_WIDTH", "OTHER_WIDTH"), 8),
    **dict.fromkeys(("TEST_PATIENTS", "FINDING_PATIENTS", "OTHERS", "FOLD_PATIENTS"), 40),
    **dict.fromkeys(("VOTES", "QUERIES"), 40),
    **dict.fromkeys(("HEAT_MAPS", "CERTIFIED_IMAGES", "KIT_PAIRS", "PAIRS", "SHOWN"), 4),
    "BUDGET": 12,
    "SIZE": 56,  # four patches of DINOv2
    "FILE_SIZE": 112,
    "LARGE": 160,
}

# Where one ceiling for all chapters does not do.
OWN = {
    "contamination": {"SIZE": 40},  # below FILE_SIZE
    "gan_fakes": {"SIZE": 32},
    "scaling_attack": {"SIZE": 32},
    "scaling_defence": {"SIZE": 32},
}


def tiny_parameters(course: dict[str, Notebook], profile: str = "full") -> dict[str, dict]:
    """What the runner would give to each chapter, lowered to the ceilings."""
    given = parameters_of(course, profile, {})
    return {
        name: course[name].overrides(lowered(name, notebook.defaults | given[name]))
        for name, notebook in course.items()
    }


def lowered(chapter: str, values: dict) -> dict:
    ceilings = CEILINGS | OWN.get(chapter, {})
    offline = {n: OFFLINE[n].get(value, value) for n, value in values.items() if n in OFFLINE}
    below = {name: min(values[name], ceilings[name]) for name in values.keys() & ceilings.keys()}
    return {**values, **offline, **below}


def write_profile(path: Path, course: dict[str, Notebook]) -> None:
    """profiles.yaml with the full profile made tiny, for the runner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: _plain(values) for name, values in tiny_parameters(course).items()}
    path.write_text(yaml.safe_dump({"quick": {}, "full": plain}), encoding="utf-8")


def _plain(values: dict) -> dict:
    """YAML knows lists only; the runner makes tuples of them again."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
