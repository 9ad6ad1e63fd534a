import pytest

from utils.course.site.fragment import make_fragment, slug

PAGES = ("README.md", "notebooks/README.md", "notebooks/resnet.ipynb", "dataset/README.md")


@pytest.fixture
def fragment_of(repository):
    return lambda html: make_fragment(html, "notebooks/README.md", repository, PAGES)


def href(fragment):
    return fragment.body.a["href"]


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("resnet.ipynb", "resnet.html"),
        ("resnet.ipynb#How-sure-are-we?", "resnet.html#how-sure-are-we"),
        ("../README.md#two-commands", "../index.html#two-commands"),
        ("../dataset/", "../dataset/index.html"),
        ("../utils/tool.py", "../utils/tool.py.html"),
        ("../assets/curve.png", "../assets/curve.png"),
        ("#glossary", "#glossary"),
        ("https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_a_link_leads_to_the_page_of_its_file(fragment_of, address, link):
    assert href(fragment_of(f'<a href="{address}">x</a>')) == link


@pytest.mark.parametrize("address", ["gone.md", "../../secret.txt", "/etc/hosts"])
def test_of_a_link_that_leads_nowhere_the_words_stay(fragment_of, address):
    fragment = fragment_of(f'<p><a href="{address}">words</a></p>')
    assert str(fragment.body) == "<p>words</p>" and not fragment.files


def test_no_file_that_a_run_names_is_published(fragment_of):
    names = '<a href="../assets/private.png">p</a><img src="../assets/private.png" alt="q">'
    fragment = fragment_of(f'<div class="output">{names}</div>')
    assert not fragment.files and "private" not in str(fragment.body)


def test_a_picture_from_elsewhere_is_replaced_by_its_words(fragment_of):
    assert str(fragment_of('<img src="https://example.org/a.svg" alt="badge">').body) == "badge"


def test_nothing_runs_and_nothing_styles_the_page(fragment_of):
    html = (
        '<script src="https://example.org"></script><style>p {}</style><pre style="font: x">c</pre>'
    )
    assert str(fragment_of(html).body) == "<pre>c</pre>"


def test_headings_have_anchors_that_differ(fragment_of):
    fragment = fragment_of("<h2>An attack!</h2><h2>An attack!</h2>")
    assert [anchor for anchor, _ in fragment.outline] == ["an-attack", "an-attack-1"]
    assert [heading["id"] for heading in fragment.body("h2")] == ["an-attack", "an-attack-1"]


def test_an_anchor_is_its_own_anchor():
    assert slug(slug("How sure are we?")) == slug("How-sure-are-we?") == "how-sure-are-we"
