import pytest

from utils import HOME
from utils.course.plan import read_course
from utils.course.site.contents import address_of, read_contents, title_of


def test_the_parts_are_those_of_the_map(repository):
    contents = read_contents(repository)
    parts = ["Overview", "I · Can you trust the data?", "II · Four networks", "Reference"]
    assert list(contents) == parts
    (page,) = contents["II · Four networks"]
    assert (page.source, page.number, page.label) == ("notebooks/resnet.ipynb", "2", "ResNet")


def test_every_chapter_of_the_course_is_in_the_contents_once():
    chapters = [page for pages in read_contents(HOME).values() for page in pages if page.number]
    paths = {path.path.relative_to(HOME).as_posix() for path in read_course().values()}
    assert sorted(page.source for page in chapters) == sorted(paths)
    assert len({page.address for page in chapters}) == len(chapters)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("README.md", "index.html"),
        ("notebooks/README.md", "notebooks/index.html"),
        ("notebooks/resnet.ipynb", "notebooks/resnet.html"),
        ("assets/RESULTS.md", "assets/RESULTS.html"),
        ("utils/files.py", "utils/files.py.html"),
        ("LICENSE", "LICENSE.html"),
    ],
)
def test_a_page_lies_where_its_file_lies(source, address):
    assert address_of(source) == address


def test_a_file_without_heading_is_called_by_its_name(tmp_path):
    (tmp_path / "bare.md").write_text("words")
    assert title_of(tmp_path / "bare.md") == "bare"


def test_a_map_without_parts_is_refused(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/README.md").write_text("# The course\n")
    with pytest.raises(ValueError, match="no table of parts"):
        read_contents(tmp_path)
