"""A folder with planted faults and a clean one, audited once."""

import numpy as np
import pytest
from shared import shared
from small import split_dataset

from utils.audit import audit
from utils.audit.planted_faults import Faults, plant_faults
from utils.data import loading
from utils.data.patients.splitting import GatheredImages
from utils.data.phantoms import draw


@pytest.fixture(scope="session")
def splits():
    drawn = draw("brain_phantom", 48, 120)
    return split_dataset(GatheredImages(drawn, np.full(len(drawn), ""), ""), (0.6, 0.1, 0.3), 0)[0]


@pytest.fixture(scope="session")
def audited(splits, tmp_path_factory):
    """A faulty folder with its truth, its audit, and that of the clean control."""
    return shared("audited", lambda: _audited(splits, tmp_path_factory.mktemp("folders")))


def _audited(splits, place):
    faulty = plant_faults(splits, place / "faulty", Faults(noisy=0.05, poisoned=0.12))
    clean = plant_faults(splits, place / "clean", Faults.none())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "VARIABLES", place / "variables")
        found, control = (
            audit(str(each.folder), size=48, out=place / f"{each.folder.name} report")
            for each in (faulty, clean)
        )
    return faulty, found, control


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    return tmp_path / "variables"
