"""What a name stands for: a data set of the catalogue, or a path."""

import pytest

from utils.data.names import is_path, resolve_path


def test_names_of_the_catalogue_are_no_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brain_phantom").mkdir()
    assert not is_path("brain_phantom") and is_path("./brain_phantom")
    assert resolve_path("./brain_phantom") == tmp_path / "brain_phantom"


@pytest.mark.parametrize("written", ["my images", "./my images", "folder:my images", "~/my images"])
def test_a_path_may_be_relative_have_spaces_and_begin_at_home(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my images").mkdir()
    assert is_path(written) and resolve_path(written) == tmp_path / "my images"


def test_a_table_is_a_path_and_another_file_is_none(tmp_path):
    for name in ("table.csv", "TABLE.CSV", "image.png"):
        (tmp_path / name).write_text("path,label")
    assert resolve_path(str(tmp_path / "table.csv")) == tmp_path / "table.csv"
    assert resolve_path(f"folder:{tmp_path}/TABLE.CSV") == tmp_path / "TABLE.CSV"
    with pytest.raises(FileNotFoundError, match="image.png is neither a folder nor a .csv table"):
        resolve_path(str(tmp_path / "image.png"))


REFUSED = {
    "": (ValueError, "names no data set; choose from brain_phantom"),
    "folder:": (ValueError, "names no data set; choose from brain_phantom"),
    "alzheimers": (ValueError, r"did you mean alzheimer_mri\?.*or give the path to a folder"),
    "Brain_Phantom": (ValueError, r"did you mean brain_phantom\?"),
    "xyz": (ValueError, "unknown data set 'xyz'; choose from .*xyz does not exist"),
    "/nowhere/at/all": (FileNotFoundError, "/nowhere/at/all is neither a folder nor a .csv table"),
    "folder:chest_xrays": (FileNotFoundError, r"neither a folder.*did you mean chest_xray\?"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_means_nothing_is_refused_with_the_choices(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        resolve_path(name)
