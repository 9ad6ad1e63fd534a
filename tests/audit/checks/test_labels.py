"""How many labels are wrong, and which: planted slips, clean folders, features that say nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS, label_predictions
from utils.audit.checks.labels import EXPECTED, MOST_FALSE, RANKED
from utils.audit.folder import ImageFolder
from utils.data.phantoms import draw

SHARE, LIST = "Share of wrong labels", "Suspicious labels"
COUNT, NAMES = 600, ("dark", "bright", "striped")


@pytest.fixture(autouse=True)
def grey_levels(monkeypatch):
    """They carry these classes, and take no network's time."""

    def missing(count):
        raise FileNotFoundError

    monkeypatch.setattr(label_predictions, "_network", missing)


@pytest.fixture(scope="module")
def clean():
    """Three classes with some images between them; every patient has two images."""
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) // 2 % 3
    levels = 90 + rng.normal(0, 12, (COUNT, 1, 1, 1)) + rng.normal(0, 30, (COUNT, 1, 32, 32))
    levels[labels == 1] += 60
    levels[labels == 2, :, ::4] += 70
    facts = plain_facts(COUNT).assign(
        label=np.array(NAMES)[labels], patient=(np.arange(COUNT) // 2).astype(str)
    )
    images = torch.from_numpy(levels.clip(0, 255).astype("u1"))
    return ImageFolder("x", facts, images, NONE_REFUSED, NAMES)


def with_slips(folder, share, seed=1):
    """The folder with this share of wrong labels, and which are wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(COUNT) < share * COUNT
    given = (folder.split.labels.numpy() + wrong * rng.integers(1, 3, COUNT)) % 3
    return replace(folder, facts=folder.facts.assign(label=np.array(NAMES)[given])), wrong


def interval(found):
    """The numbers of the first sentence, as shares: value, low, high."""
    value, low, _, high = found.measured.replace("(", "").replace(")", "").split()[:4]
    return float(value) / 100, float(low) / 100, float(high) / 100


def test_a_clean_folder_has_no_wrong_labels_and_few_names(clean):
    share, found = CHECKS[SHARE](clean), CHECKS[LIST](clean)
    assert share.severity == "ok" and interval(share)[0] < 0.01
    assert len(found.flagged) <= MOST_FALSE * COUNT


@pytest.mark.parametrize("planted", [0.05, 0.15])
def test_planted_slips_are_counted_and_named(clean, planted):
    folder, wrong = with_slips(clean, planted)
    value, low, high = interval(CHECKS[SHARE](folder))
    assert 0.01 < low <= planted <= high and planted / 2 < value < 2 * planted
    found = CHECKS[LIST](folder)
    flagged = list(found.flagged)
    assert wrong[flagged].sum() >= max(MOST_FALSE * COUNT, 0.8 * len(flagged))
    ranked = found.files[RANKED]
    assert ranked["file"].tolist()[: len(flagged)] == folder.relative_files[flagged].tolist()
    assert ranked[EXPECTED].is_monotonic_increasing
    assert ranked[EXPECTED].iloc[-1] == pytest.approx(wrong.sum(), rel=0.5)


def test_the_table_names_the_pair_of_classes(clean):
    """Every tenth dark image is called bright."""
    label = clean.facts["label"].where(np.arange(COUNT) % 10 > 0, "bright")
    label = label.where(clean.facts["label"] == "dark", clean.facts["label"])
    first = CHECKS[SHARE](replace(clean, facts=clean.facts.assign(label=label))).table.iloc[0]
    assert (first["given"], first["likely"]) == ("bright", "dark")
    assert first["low (%)"] < 100 / 30 < first["high (%)"]


def test_a_class_of_few_patients_is_left_out(clean):
    label = clean.facts["label"].where(np.arange(COUNT) >= 24, "rare")
    names = (*NAMES, "rare")
    folder = replace(clean, facts=clean.facts.assign(label=label), class_names=names)
    found, share = CHECKS[LIST](folder), CHECKS[SHARE](folder)
    assert found.scores["label score"].isna().sum() == 24
    assert "rare" not in share.table[["given", "likely"]].to_numpy()


def test_random_labels_per_patient_are_not_flagged():
    """If neighbours cannot predict the class the check names nothing, except by chance."""
    heads = draw("brain_phantom", 32, 60)
    facts = plain_facts(len(heads)).assign(patient=heads.groups.numpy().astype(str))
    flagged = []
    for seed in range(40):
        labels = np.random.default_rng(seed).integers(0, 2, int(heads.groups.max()) + 1)
        facts["label"] = np.array(["a", "b"])[labels[heads.groups.numpy()]]
        made = ImageFolder("x", facts.copy(), heads.images, NONE_REFUSED, ("a", "b"))
        flagged.append(CHECKS[LIST](made).severity != "not applicable")
        assert CHECKS[SHARE](made).severity == "not applicable"
    assert sum(flagged) <= 6  # of 40; expected is 1 in 21, and more than 6 once in 200 tries
