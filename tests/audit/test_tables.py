"""Tables: a row per image with all scores, leaks with kind and distance, sets of duplicates."""

import pandas as pd

from utils.audit.finding import Finding
from utils.audit.tables import NAMED, image_table, write_tables


def test_every_image_has_a_row_with_scores_and_the_checks_that_name_it(audited):
    _, found, _ = audited
    table = pd.read_csv(found.page.parent / "images.csv", keep_default_na=False)
    assert len(table) == len(found.folder) == len(found.images)
    assert not table["file"].str.startswith("/").any()
    for title in ("Noise", "Marks and triggers"):
        named = set(table.index[table[NAMED].str.contains(title)])
        assert named == set(found[title].flagged)
    assert {"noise", "dark", "is dark", "blurred", "distance from neighbours"} <= set(table)


def test_every_leak_names_both_files_its_kind_and_distance(audited):
    faulty, found, _ = audited
    leaks = pd.read_csv(found.page.parent / "leaks.csv")
    copied = {file.removeprefix(found.folder.base) for file in faulty.truth["copy in the test"]}
    hard = leaks[leaks["kind"].isin(["identical", "copy"])]
    assert copied == set(hard["test file"]) | set(hard["training file"])
    assert (leaks.loc[leaks["kind"] == "identical", "distance"] == 0).all()
    assert found.files["leaks.csv"].shape == leaks.shape


def test_duplicates_stand_in_sets_those_with_two_labels_first(audited):
    faulty, found, _ = audited
    sets = pd.read_csv(found.page.parent / "duplicates.csv")
    clashing = {file.removeprefix(found.folder.base) for file in faulty.truth["under two classes"]}
    assert set(sets.loc[sets["labels in the set"] > 1, "file"]) == clashing
    assert sets.groupby("set").size().min() == 2
    assert sets["labels in the set"].is_monotonic_decreasing


def test_scores_of_labelled_images_alone_leave_the_others_empty(audited):
    folder = audited[1].folder
    some = pd.DataFrame({"score": [1.0]}, index=[3]).reindex(range(len(folder)))
    table = image_table(folder, [Finding("ok", "", scores=some)])
    assert table["score"].notna().sum() == 1 and table["score"][3] == 1


def test_an_outdated_table_goes(tmp_path):
    (tmp_path / "leaks.csv").write_text("old")
    write_tables({"images.csv": pd.DataFrame({"file": ["a"]})}, tmp_path, ["leaks.csv"])
    assert [path.name for path in tmp_path.iterdir()] == ["images.csv"]
