"""The full profile cannot rot: every value in it fits the chapter that gets it."""

import pytest
from full_profile import tiny
from full_profile.drawn_sets import write_sets

from utils.course.parameters import check_networks
from utils.course.plan import parameters_of, read_course
from utils.data.datasets import DATASETS
from utils.data.source import source_of
from utils.training.config import TrainConfig
from utils.training.tuning import SearchSpace

COURSE = read_course()
FULL = parameters_of(COURSE, "full", {})
CHAPTERS = pytest.mark.parametrize("name", COURSE)
SETS = ("DATASET", "SLICES", "FOLDER", "FURTHER", "FOREIGN", "FINDINGS", "LARGE_IMAGES")
OTHERS = ("VICTIM", "DEFENDED", "SURROGATE", "RUN")  # parameters that name a chapter


def settings(name):
    return COURSE[name].defaults | FULL[name]


@CHAPTERS
def test_each_value_is_a_parameter_of_the_chapter_in_its_type(name):
    for parameter, value in FULL[name].items():
        assert type(value) is type(COURSE[name].defaults[parameter]), parameter


@CHAPTERS
def test_data_sets_and_chapters_that_it_names_exist(name):
    values = settings(name)
    assert {values[one] for one in SETS if one in values} <= set(DATASETS)
    assert set(values.get("DATASETS", "").split()) <= set(DATASETS)
    named = [values[one] for one in OTHERS if one in values] + values.get("MEMBERS", "").split()
    assert set(named) <= set(COURSE)


@CHAPTERS
def test_training_and_search_accept_it(name):
    values = settings(name)
    if "LEARNING_RATE" in values:
        rate, patience = values["LEARNING_RATE"], values.get("PATIENCE", 0)
        TrainConfig(values.get("EPOCHS", 8), learning_rate=rate, patience=patience)
    if "TRIAL_IMAGES" in values:
        SearchSpace(trials=values["TRIALS"], images=values["TRIAL_IMAGES"])


def test_every_network_can_be_built_at_its_size():
    check_networks({name: settings(name) for name in COURSE})


def test_chapters_that_share_a_network_share_its_data():
    """Else the first is run again inside the second, for hours."""
    for name in COURSE:
        values = settings(name)
        twins = {values[one] for one in OTHERS[:3] if one in values}
        twins |= set(values.get("MEMBERS", "").split())
        twins |= {name.removesuffix("_atk")} & set(COURSE) - {name}
        for twin in twins:
            for shared in ("DATASET", "SIZE", "LIMIT", "TEST_PATIENTS", "PER_PATIENT", "SEED"):
                assert settings(twin).get(shared, values[shared]) == values[shared], (name, twin)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("EPOCHZ: 3", "unknown parameter in env/profiles.yaml: 'EPOCHZ'; did you mean EPOCHS"),
        ("EPOCHS: many", "takes EPOCHS as int"),
        ("EPOCHS: 0", "takes EPOCHS from 1"),
        ("resnet: {BUDGET: 3}", "unknown parameter of resnet: 'BUDGET'"),
        ("resnets: {SIZE: 3}", "unknown notebook in env/profiles.yaml: 'resnets'"),
    ],
)
def test_a_profile_with_a_mistake_is_refused(values, reason, tmp_path, monkeypatch):
    (tmp_path / "env").mkdir()
    (tmp_path / "env/profiles.yaml").write_text(f"full:\n  {values}\n")
    monkeypatch.setattr("utils.course.plan.ROOT", tmp_path)
    with pytest.raises(ValueError, match=reason):
        parameters_of(COURSE, "full", {})


def test_a_network_that_does_not_fit_its_size_is_refused():
    with pytest.raises(ValueError, match="dinov2: dinov2_small reads whole patches"):
        check_networks({"dinov2": settings("dinov2") | {"SIZE": 100}})


def test_the_tiny_profile_only_lowers_what_costs_time():
    """And has no ceiling that no chapter knows any more."""
    known = {parameter for name in COURSE for parameter in COURSE[name].defaults}
    assert set(tiny.CEILINGS) <= known
    given = tiny.tiny_parameters(COURSE)
    for name in COURSE:
        made = COURSE[name].defaults | given[name]
        for parameter, value in settings(name).items():
            if made[parameter] != value:
                capped = parameter in tiny.CEILINGS and made[parameter] < value
                assert capped or parameter == "WEIGHTS", (name, parameter)


def test_the_drawn_sets_are_read_by_the_rules_of_the_real_ones(tmp_path):
    wanted = {"alzheimer_mri": (40, 4, 1), "chest_xray": (96, 3, 1), "cervical_cancer": (40, 3, 3)}
    write_sets(tmp_path, size=64)
    for name, (images, classes, channels) in wanted.items():
        split = source_of(name, tmp_path).read(64).split
        assert (len(split), split.classes, split.images.shape[1]) == (images, classes, channels)
        assert min(split.counts) >= 9
    brains = source_of("alzheimer_mri", tmp_path).read(64)
    assert not len(brains.synthetic) and len(set(brains.split.groups.tolist())) == 20
