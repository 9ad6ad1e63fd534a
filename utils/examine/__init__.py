"""A trained model, before use: how far can you trust it on these images?"""

from utils import exports

__getattr__ = exports(
    __name__,
    adapter="Expects",
    examination="examine QUESTIONS",
    model_files="read_model",
    **{"reporting.comparison": "compare_reports", "reporting.report": "ModelReport"},
)
