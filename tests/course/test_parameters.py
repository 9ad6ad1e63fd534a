"""What may be typed as a parameter, and what is refused before anything starts."""

import pytest

from utils.course.parameters import typed_parameters


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to call from, with folders and a table of images in it."""
    for name in ("mine", "my images", "my"):
        (tmp_path / name).mkdir()
    (tmp_path / "table.csv").touch()
    (tmp_path / "spaceless").symlink_to("my images")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["RATE=a=b"], {"RATE": "a=b"}),
        (["DATASET=brain_phantom"], {"DATASET": "brain_phantom"}),
        (["DATASET=folder:mine"], {"DATASET": "folder:HERE/mine"}),
        (["DATASET=folder:table.csv"], {"DATASET": "folder:HERE/table.csv"}),
        (["DATASET=folder:HERE/mine/"], {"DATASET": "folder:HERE/mine"}),
        (["DATASET=folder:spaceless"], {"DATASET": "folder:HERE/spaceless"}),
        (["DATASETS=folder:mine chest_phantom"], {"DATASETS": "folder:HERE/mine chest_phantom"}),
        (
            ["DATASET=folder:my images", "DATASETS=brain_phantom"],
            {"DATASET": "folder:HERE/my images", "DATASETS": "brain_phantom"},
        ),
    ],
)
def test_a_folder_is_the_one_seen_by_who_typed_it(here, texts, meant):
    texts = [text.replace("HERE", str(here)) for text in texts]
    meant = {name: value.replace("HERE", str(here)) for name, value in meant.items()}
    assert typed_parameters(texts) == meant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EPOCHS", "a parameter is written NAME=value, got 'EPOCHS'"),
        ("DATASET=folder:gone", "DATASET: /.*/gone is neither a folder nor a .csv table$"),
        ("DATASET=mine", "DATASET: unknown data set 'mine'; did you mean folder:mine[?]"),
        ("DATASET=", "DATASET: unknown data set ''; choose from"),
        ("DATASETS=", "DATASETS: unknown data set ''; choose from"),
        ("DATASET=folder:my images", "spaces separate data sets.*my images' holds one"),
        ("DATASETS=folder:my images", "unknown data set 'images'.*spaces separate data sets"),
        ("DATASETS=folder:gone images", "/gone is neither.*spaces separate data sets"),
    ],
)
def test_a_data_set_that_is_not_there_is_refused_where_it_was_typed(here, text, message):
    with pytest.raises(ValueError, match=message):
        typed_parameters([text])
