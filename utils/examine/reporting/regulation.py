"""Which findings bear on what regulators require of AI in medical devices.

The threats are those that the FDA names in its guidance on AI-enabled device software (2025,
cybersecurity), the duties those of Article 15 of the EU AI Act (2024/1689). An aid to writing.
"""

from collections.abc import Sequence

import pandas as pd

from utils.examine.section import Section

DUTIES = {  # a duty or threat, and the questions that say something about it
    "EU AI Act 15(1), 15(3): accuracy, and its metrics declared": (
        "How good is it?", "Is it as right as it is sure?", "Is it as good for everybody?",
    ),
    "EU AI Act 15(4): robustness against errors and faults": (
        "What does contamination cost?", "Does the pipeline matter?", "Does it see what it should?",
    ),
    "EU AI Act 15(5), FDA model evasion: adversarial examples": (
        "What can an attacker do?", "How small a change is enough?", "What can a sticker do?",
    ),
    "EU AI Act 15(5), FDA data poisoning: training data": (
        "Does it obey a mark?", "Can one change turn every image?",
        "Does it stay sure under other images?", "Does the border decide?",
    ),
    "FDA data leakage, overfitting": ("Does it know these patients?",),
    "FDA model bias": ("Is it as good for everybody?",),
    "FDA performance drift": ("What does contamination cost?", "Does it know when not to answer?"),
}  # fmt: skip
NOT_SEEN = {
    "FDA model inversion and stealing": "not examined",
    "EU AI Act 15(4): feedback loops of systems that go on learning": "not examined",
}


def duties(sections: Sequence[Section]) -> pd.DataFrame:
    """A row for each duty or threat, and what was found about it."""
    by_title = {section.title: section for section in sections}
    rows = [
        (duty, "; ".join(f"{title} {by_title[title].severity}" for title in titles
                          if title in by_title))
        for duty, titles in DUTIES.items()
    ]  # fmt: skip
    return pd.DataFrame([*rows, *NOT_SEEN.items()], columns=["duty", "found here"])
