"""The page says the gravest first, and the card is a table in Markdown."""

from utils.examine.reporting.page import model_card, render_page
from utils.examine.reporting.report import ModelReport
from utils.examine.section import Section
from utils.examine.sections.clean import ask_clean


def test_the_gravest_comes_first_and_figures_are_inside(subject):
    sections = [ask_clean(subject).with_title("How good is it?"),
                Section("alarm", "a | b", advice="mend it").with_title("Why?")]  # fmt: skip
    report = ModelReport(subject, sections)
    page, card = render_page(report), model_card(report)
    assert page.index("<h2>Why?") < page.index("<h2>How good is it?")
    assert page.count("data:image/png") == 1 and "Do this first" in page
    assert "a \\| b" in card and "| balanced accuracy |" in card
    assert "| taken for dark, of the images of other classes |" in card  # no class is the healthy
