import json

from utils.course.site.contents import Page
from utils.course.site.fragment import make_fragment
from utils.course.site.search import index_script, sections_of

PAGE = Page("notebooks/resnet.ipynb", "ResNet", "II")


def test_words_are_found_under_their_heading(repository):
    html = "<h1>ResNet</h1><p>Deep.</p><h2>Data</h2><p>A <em>coin</em>.</p><h3>Empty</h3>"
    found = sections_of(PAGE, make_fragment(html, PAGE.source, repository, ()))
    assert [(s["address"], s["heading"], s["text"]) for s in found] == [
        ("notebooks/resnet.html", "", "Deep."),
        ("notebooks/resnet.html#data", "Data", "A coin."),
        ("notebooks/resnet.html#empty", "Empty", ""),
    ]


def test_what_a_run_has_printed_is_not_searched(repository):
    html = '<h1>ResNet</h1><div class="output">printed</div><p>told</p>'
    (section,) = sections_of(PAGE, make_fragment(html, PAGE.source, repository, ()))
    assert section["text"] == "told"


def test_the_index_is_a_script_with_one_list():
    script = index_script([{"text": "a </script> ε"}, {"text": "b"}])
    rows = json.loads(script.removeprefix("window.SECTIONS = ").rstrip().removesuffix(";"))
    assert [row["text"] for row in rows] == ["a </script> ε", "b"]
