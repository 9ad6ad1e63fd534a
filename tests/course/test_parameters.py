"""What may be typed as a parameter, and what is refused before anything starts."""

import pytest

from utils.course.parameters import (
    check_networks,
    check_own_images,
    data_set_names,
    fit_value,
    typed_parameters,
    with_prepared_datasets,
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to call from, with folders and a table of images in it."""
    for name in ("mine", "my images", "my"):
        (tmp_path / name).mkdir()
    (tmp_path / "table.csv").touch()
    (tmp_path / "link").symlink_to("my images")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["RATE=a=b"], {"RATE": "a=b"}),
        (["DATASET=brain_phantom"], {"DATASET": "brain_phantom"}),
        (["DATASET=mine"], {"DATASET": "HERE/mine"}),
        (["DATASET=folder:mine"], {"DATASET": "HERE/mine"}),
        (["DATASET=table.csv"], {"DATASET": "HERE/table.csv"}),
        (["DATASET=HERE/mine/"], {"DATASET": "HERE/mine"}),
        (["DATASET=~/mine"], {"DATASET": "HERE/mine"}),
        (["DATASET=my images"], {"DATASET": "HERE/my images"}),
        (["DATASET=link"], {"DATASET": "HERE/link"}),
        (["DATASETS=mine chest_phantom"], {"DATASETS": "HERE/mine chest_phantom"}),
        (["DATASETS='my images' mine"], {"DATASETS": "'HERE/my images' HERE/mine"}),
        (["DATA_ROOT=mine"], {"DATA_ROOT": "HERE/mine"}),
        (["LARGE_ROOT="], {"LARGE_ROOT": ""}),
        (["WEIGHTS=imagenet"], {"WEIGHTS": "imagenet"}),
        (["WEIGHTS=mine"], {"WEIGHTS": "HERE/mine"}),
    ],
)
def test_a_path_is_the_one_seen_from_where_it_is_typed(here, texts, meant):
    texts = [text.replace("HERE", str(here)) for text in texts]
    meant = {name: value.replace("HERE", str(here)) for name, value in meant.items()}
    assert typed_parameters(texts) == meant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EPOCHS", "a parameter is written NAME=value, got 'EPOCHS'"),
        ("DATASET=folder:gone", "DATASET: /.*/gone is neither a folder nor a .csv table"),
        ("DATASET=brain_phantoms", "DATASET: unknown data set 'brain_phantoms'.*brain_phantom"),
        ("DATASET=", "DATASET: '' names no data set"),
        ("DATASET=folder:", "DATASET: 'folder:' names no data set"),
        ("DATASETS=", "DATASETS: '' names no data set"),
        ("DATASETS=my images", "unknown data set 'images'.*quote a path that has some"),
        ("DATASETS=gone/x images", "/gone/x is neither.*quote a path that has some"),
        ("DATASETS='my images", "DATASETS: No closing quotation"),
        ("DATA_ROOT=gone", "DATA_ROOT: /.*/gone does not exist"),
        ("WEIGHTS=net.pt", "WEIGHTS: /.*/net.pt does not exist; give a weight file, .*imagenet"),
    ],
)
def test_a_data_set_that_does_not_exist_is_refused_where_it_is_typed(here, text, message):
    with pytest.raises(ValueError, match=message):
        typed_parameters([text])


@pytest.mark.parametrize("content", ["", "path;label\na.png;sick\n"])
def test_a_table_that_cannot_be_read_is_refused_before_anything_starts(here, content):
    (here / "table.csv").write_text(content)
    with pytest.raises(ValueError, match="table.csv"):
        check_own_images(["brain_phantom", str(here / "table.csv")])


def test_a_folder_without_classes_is_refused_before_anything_starts(here):
    (here / "mine/scan.png").touch()
    with pytest.raises(FileNotFoundError, match="mine has no class folders with files in them"):
        check_own_images([str(here / "mine")])


def test_the_data_set_of_the_chapters_is_prepared_even_with_a_space_in_its_path():
    typed = with_prepared_datasets({"DATASET": "/my images"})
    assert data_set_names(typed["DATASETS"]) == ["/my images"]


@pytest.mark.parametrize(
    ("name", "value", "default", "message"),
    [
        ("EPOCHS", "-1", 4, "toy takes EPOCHS from 1; got -1"),
        ("EPOCHS", "0", 4, "toy takes EPOCHS from 1; got 0"),
        ("EPOCHS", "three", 4, "toy takes EPOCHS as int, as in EPOCHS=4; got 'three'"),
        ("EPOCHS", "{[]: 1}", 4, "toy takes EPOCHS as int"),
        ("LIMIT", "-5", 0, "toy takes LIMIT from 0; got -5"),
        ("LEARNING_RATE", "0", 0.1, "toy takes LEARNING_RATE above 0; got 0.0"),
        ("SHARE", "nan", 0.1, "toy takes SHARE as float"),
        ("SHARE", "1e999", 0.1, "toy takes SHARE from 0; got inf"),
    ],
)
def test_a_value_of_the_wrong_kind_or_size_is_refused(name, value, default, message):
    with pytest.raises(ValueError, match=message):
        fit_value("toy", name, value, default)


@pytest.mark.parametrize(
    ("backbone", "size", "message"),
    [
        ("dinov2_tiny", 50, "dinov2: dinov2_tiny reads whole patches of 14 pixels"),
        ("my_network", 56, "dinov2: unknown backbone 'my_network'"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(backbone, size, message):
    check_networks({"dinov2": {"BACKBONE": "dinov2_tiny", "SIZE": 56}, "results": {"SEED": 0}})
    with pytest.raises(ValueError, match=message):
        check_networks({"dinov2": {"BACKBONE": backbone, "SIZE": size}})
