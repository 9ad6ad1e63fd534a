"""The facts of a report: what programs read, and no picture among them."""

import json

from utils.audit import CHECKS
from utils.audit.facts import facts_of_audit, table_of_patients
from utils.audit.planted_faults import flagged_files


def test_the_facts_beside_the_page_are_those_of_the_findings(audited):
    _, found, _ = audited
    facts = json.loads((found.page.parent / "findings.json").read_text())
    assert facts == json.loads(json.dumps(facts_of_audit(found.folder, found.findings)))
    assert facts["exit code"] == 2 and facts["severity"] == "alarm"
    assert [finding["title"] for finding in facts["findings"]] == list(CHECKS)
    assert "base64" not in json.dumps(facts)
    flagged = {one["title"]: set(one["flagged"]) for one in facts["findings"]}
    noisy = {found.folder.base + file for file in flagged["Noise"]}  # relative in the report
    assert noisy == flagged_files(found, "Noise")


def test_the_table_of_patients_is_that_of_the_finding_that_wrote_one(audited):
    _, found, _ = audited
    written = [each.patient_table for each in found.findings if each.patient_table]
    assert table_of_patients(found.findings) == (written[0] if written else None)
    assert table_of_patients(()) is None
