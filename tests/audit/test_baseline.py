"""What is new since an earlier audit."""

import json

import numpy as np
import pandas as pd
import pytest
from folders import two_classes

from utils.audit import audit
from utils.audit.baseline import compare_with, moved_scores, read_baseline, usual_ranges
from utils.audit.finding import Finding

RNG = np.random.default_rng(0)
EARLIER = pd.DataFrame({"sharpness": RNG.normal(0, 1, 500)})
OLD = {
    "images": 500,
    "classes": ["a"],
    "usual range": usual_ranges(EARLIER),
    "findings": [{"title": "Noise", "severity": "ok"}],
}


@pytest.mark.parametrize(("shift", "moved"), [(0, False), (0.3, False), (2, True)])
def test_a_score_that_left_its_range_is_named(shift, moved):
    new = pd.DataFrame({"sharpness": RNG.normal(shift, 1, 300)})
    assert (len(moved_scores(OLD, new)) > 0) == moved
    found = compare_with(OLD, [Finding("ok", "", title="Noise")], new, ["a"])
    assert found.severity == ("warning" if moved else "ok") and "-200" in found.measured


def test_a_check_that_became_worse_and_a_new_class_are_named():
    found = compare_with(OLD, [Finding("alarm", "", title="Noise")], EARLIER, ["b"])
    assert "Noise was ok and is alarm." in found.measured
    assert "new or gone: a, b" in found.measured and found.severity == "warning"


def test_an_audit_is_compared_with_its_own_file(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    first = audit(str(folder), size=32, out=tmp_path / "r")
    again = audit(str(folder), size=32, baseline=tmp_path / "r/findings.json")
    assert again["Since the last audit"].severity == "ok"
    assert "+0 since then" in again["Since the last audit"].measured
    assert again.page is None and len(again.images) == len(first.images)


@pytest.mark.parametrize("content", ["no json", "{}", "[]", json.dumps({"images": 3})])
def test_what_is_no_audit_is_refused(content, tmp_path):
    (tmp_path / "old.json").write_text(content)
    with pytest.raises(ValueError, match="old.json"):
        read_baseline(tmp_path / "old.json")
