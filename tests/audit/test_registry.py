"""Checks that need labels see labelled images alone, and a failing check hides no other."""

from folders import picture, table_of, two_classes
from PIL import Image

from utils.audit import CHECKS, NOT_AUDITED, audit


def test_an_image_without_label_belongs_to_no_class(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2], "", "") for n in range(60)]
    rows += [(f"bright{n}.png", "", "", "") for n in range(30)]
    for n in range(30):
        Image.new("L", (40, 40), 255 - n).save(tmp_path / f"bright{n}.png")
    (tmp_path / "bright0.png").write_bytes(picture(tmp_path / "0.png", 0).read_bytes())
    found = table_of(tmp_path, rows, titles=("Class balance", "Shortcuts", "Duplicates"))
    assert "30 images have no label" in found["Class balance"].measured
    assert found["Shortcuts"].severity == "ok" and "60 images" in found["Shortcuts"].meaning
    assert "No pair has two labels" in found["Duplicates"].measured


def test_a_failing_check_hides_no_other(tmp_path, cache, monkeypatch):
    monkeypatch.setitem(CHECKS, "broken", lambda folder: 1 / 0)
    found = audit(str(two_classes(tmp_path / "f")), size=32, out=tmp_path / "report")
    assert found.exit_code == NOT_AUDITED and "ZeroDivisionError" in found["broken"].measured
    assert [finding.title for finding in found.findings] == list(CHECKS)
