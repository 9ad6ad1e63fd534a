"""The report as a page."""

from folders import HOME

from utils.audit.page import BLIND_SPOTS


def test_page_and_manual_name_the_same_blind_spots(audited):
    assert BLIND_SPOTS in audited[1].page.read_text()
    manual = HOME / "utils/audit/README.md"
    assert BLIND_SPOTS.lower() in manual.read_text(encoding="utf-8").lower()


def test_page_and_terminal_explain_the_exit_code_in_the_same_words(audited):
    _, found, clean = audited
    for each, words in ((found, "2 (an alarm)"), (clean, "0 (nothing above a note)")):
        page = each.page.read_text()
        assert f"Exit code {words}" in page and f"Exit code   {words}" in each.summary()
        assert "`" not in page and "<code>detective</code>" in page
        assert all(f">{finding.severity}</span>" in page for finding in each.findings)
