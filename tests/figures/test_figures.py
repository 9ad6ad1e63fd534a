"""Pictures are drawn from arrays alone, with the names from the data, and nothing stays open."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from small import NAMES, small_split, small_splits, trained_network

from utils import figures
from utils.attacks.pgd import PGD
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.comparison import compare
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.predictions import Predictions

HISTORY = [
    {"epoch": e, "train_loss": 1 / (e + 1), "validation_loss": 1.1 / (e + 1), "score": 0.1 * e}
    | {"train_accuracy": 0.2 * e, "validation_accuracy": 0.15 * e}
    for e in range(4)
]
REGIMES = {
    "no attack": HISTORY,
    "attacked": [{**row, "one_step": 0.3, "attacked": 0.2} for row in HISTORY],
    "defended": [{**row, "one_step": 0.4} for row in HISTORY],
}
COLLAPSE = [{"NC1": 4.0 - e, "NC2": 0.3 / (e + 1), "NC3": 0.4 / (e + 1)} for e in range(4)]
TRIALS = [
    {"number": n, "state": "PRUNED" if n == 2 else "COMPLETE", "value": 0.1 * n} for n in range(5)
]
SPLIT = small_split(30)
SUITE = AttackSuite(PGD(0.1, steps=2))
ANSWERS = SUITE.predict(trained_network(), SPLIT)
PIXELS = SPLIT.images[:3] / 255
HEAT = np.random.default_rng(0).random((3, 16, 16)) * np.array([1, 1, 0])[:, None, None]
MASKS = torch.ones(3, 16, 16, dtype=torch.bool)

FEWER = {name: ANSWERS[name] for name in (CLEAN, SUITE.condition(size=0.05), SUITE.strongest)}
SHUFFLED = {Condition("shuffled"): FEWER[CLEAN]}
MODELS = {  # as many as a long course leaves, some asked less
    (f"backbone_{n}_atk", variant): answers
    for n in range(4)
    for variant, answers in {
        "standard": ANSWERS,
        "adversarial": ANSWERS,
        "soft vote": FEWER,
    }.items()
} | {("other", "standard"): {CLEAN: ANSWERS[CLEAN]}, ("odd", "a"): SHUFFLED}
STRONGEST = dict.fromkeys([run for run, _ in MODELS], SUITE.strongest) | {"other": None}
PAIRS = compare({"a": ANSWERS[CLEAN], "b": ANSWERS[SUITE.strongest], "c": ANSWERS[CLEAN]})
BY_SEED = {
    name: {"clean": [ANSWERS[CLEAN]] * 3, "noise": [ANSWERS[SUITE.strongest]] * 3}
    for name in ("baseline", "other")
}

GAME = [
    {"epoch": e, "real_recognised": 0.6, "fakes_recognised": 0.7, "diversity": 0.5 + 0.1 * e}
    for e in range(3)
]
BESIDE = pd.DataFrame(
    {"value": [0.5, 0.9], "low": [0.4, 0.8], "high": [0.6, 1.0]}, index=["network", "look-up"]
)
CAUGHT = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, False, True, False])
REACH = [
    pd.DataFrame(rows, ["nearest", "area"], [2, 4])
    for rows in ([[20.4, 30.0], [13.0, 13.0]], [[False, False], [False, True]])
]

FIGURES = {
    "examples": lambda: figures.examples(SPLIT),
    "class_balance": lambda: figures.class_balance(small_splits()),
    "curves": lambda: figures.curves(HISTORY, 0.4),
    "regimes": lambda: figures.regimes(REGIMES, 0.4, 3),
    "collapse_curves": lambda: figures.collapse_curves({"plain": [COLLAPSE, COLLAPSE[:3]]}),
    "ablation": lambda: figures.ablation(BY_SEED),
    "tuning": lambda: figures.tuning(TRIALS, {"learning_rate": 0.7, "optimizer": 0.3}),
    "tuning without importances": lambda: figures.tuning(TRIALS, {}),
    "confusions": lambda: figures.confusions(ANSWERS),
    "accuracy_by_epsilon": lambda: figures.accuracy_by_epsilon(
        {"standard training": SUITE.curve(ANSWERS, "pgd"), "x": SUITE.curve(ANSWERS, "fgsm")}
    ),
    "perturbations": lambda: figures.perturbations(PIXELS, PIXELS + 0.01, NAMES, NAMES, 10),
    "looks": lambda: figures.heatmap_grid(
        SPLIT.images[:3], MASKS, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "looks without masks": lambda: figures.heatmap_grid(
        SPLIT.images[:3], None, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "patches": lambda: figures.patches(SPLIT.images[0], 4),
    "sensitivities": lambda: figures.sensitivities({"standard": HEAT[0], "adversarial": HEAT[1]}),
    "security_curves": lambda: figures.security_curves(
        {name: SUITE.curve(ANSWERS, "pgd") for name in ("noise", "pgd", "worst")}
    ),
    "success_by_queries": lambda: figures.success_by_queries(
        {"square": np.array([0, 3, 90, np.inf]), "nothing": np.full(4, np.inf)},
        {"square": 100, "nothing": 100},
    ),
    "variety": lambda: figures.attack_gallery(
        PIXELS[0], {"(clean)": PIXELS[0], "noise": PIXELS[1]}, ["dark", "bright"], 10
    ),
    "transfer": lambda: figures.transfer({"a": ANSWERS, "b": ANSWERS}, ANSWERS),
    "pairs": lambda: figures.pairs(SPLIT.images[:4].reshape(2, 2, 1, 16, 16).numpy()),
    "accuracies": lambda: figures.accuracies(MODELS),
    "robustness_against_clean": lambda: figures.robustness_against_clean(MODELS, STRONGEST),
    "drops_by_run": lambda: figures.drops_by_run(MODELS),
    "differences": lambda: figures.differences(PAIRS),
    "confusions_by_variant": lambda: figures.confusions_by_variant(
        {"a": FEWER, "b": {"clean": ANSWERS[CLEAN]}}
    ),
    "roc_by_kind": lambda: figures.roc_by_kind({"noise": CAUGHT, "anything": CAUGHT}, 0.01),
    "power_by_frequency": lambda: figures.power_by_frequency(
        {"real": np.outer(np.arange(1, 5), range(8)), "fakes": np.ones((3, 8))}
    ),
    "game": lambda: figures.gan_training(GAME, (1, 3)),
    "contact_sheet": lambda: figures.contact_sheet(SPLIT.images[:7], list("abcdefg")),
    "footprints": lambda: figures.footprints({name: HEAT[0] - 0.2 for name in NAMES}),
    "disguises": lambda: figures.disguises({"a dot": 3 * (255 * PIXELS[0],)}, zoom=4),
    "hiding_map": lambda: figures.hiding_map(*REACH),
    "beside_chance": lambda: figures.scores_and_chance(
        {"one": BESIDE, "two": BESIDE}, {"one": 0.4, "two": 0.5}, "accuracy"
    ),
    "recovery": lambda: figures.recovery(CAUGHT[0], 0.5, CAUGHT[0] - 0.3, CAUGHT[1]),
    "recovery without the truth": lambda: figures.recovery(CAUGHT[0], 0.5, CAUGHT[0] - 0.3),
    "nothing attacked": lambda: figures.robustness_against_clean({}, {}),
    "nothing dropped": lambda: figures.drops_by_run({}),
}


def words(figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(plt.Text)}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn_and_closed(name, tmp_path):
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")
    assert not plt.get_fignums()


def test_class_names_come_from_the_data_in_their_order():
    axis = FIGURES["confusions"]().axes[0]
    assert tuple(label.get_text() for label in axis.get_xticklabels()) == NAMES
    assert tuple(label.get_text() for label in axis.get_yticklabels()) == NAMES


def test_the_numbers_in_a_confusion_matrix_are_the_counts():
    shown = FIGURES["confusions"]().axes[0].texts
    assert [int(t.get_text()) for t in shown] == ANSWERS[CLEAN].confusion.flatten().tolist()


def test_one_step_is_told_from_many_and_the_legend_hides_neither():
    attacked = [{**row, "one_step": 0.3} for row in HISTORY]
    figure = figures.curves(attacked, 0.4, "many steps")
    colours = {line.get_label(): line.get_color() for line in figure.axes[1].lines}
    assert colours["one step"] != colours["many steps"]
    assert figure.legends and not any(axis.get_legend() for axis in figure.axes)


def test_a_picture_of_sensitivity_says_how_alike_it_is_to_the_first():
    titles = [axis.get_title() for axis in FIGURES["sensitivities"]().axes[:2]]
    assert titles[0] == "standard" and titles[1].startswith("adversarial\nlike the first: ")


def test_a_chance_line_is_named():
    assert "majority class" in words(FIGURES["accuracy_by_epsilon"]())
    assert "majority class" in words(FIGURES["curves"]())


def test_regimes_share_their_axes_and_say_where_nobody_attacked():
    figure = FIGURES["regimes"]()
    panels = np.array(figure.axes).reshape(3, 3)
    assert {"nobody attacked", "majority class", "one answer"} <= words(figure)
    assert all(len({axis.get_ylim() for axis in row}) == 1 for row in panels)
    shown = {line.get_label(): list(line.get_ydata()) for line in panels[2, 1].lines}
    assert shown["one step"] == [0.3] * 4 and shown["many steps"] == [0.2] * 4
    shown = {line.get_label(): list(line.get_ydata()) for line in panels[2, 2].lines}
    assert shown["many steps"] == [row["score"] for row in HISTORY]  # which decides, there


def test_trainings_stand_beside_their_mean():
    figure = FIGURES["ablation"]()
    assert {"clean", "noise", "majority class", "macro precision", "other"} <= words(figure)
    axis = figure.axes[0]
    dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
    both = [ANSWERS[CLEAN].accuracy, ANSWERS[SUITE.strongest].accuracy]
    assert dots == pytest.approx(both * 2)
    assert sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() == "|") == 12
    share = np.bincount(SPLIT.labels).max() / len(SPLIT)
    assert axis.lines[-1].get_xdata()[0] == pytest.approx(share)


def test_a_mean_of_trainings_ends_with_the_shortest():
    axis = FIGURES["collapse_curves"]().axes[0]
    (mean,) = [line for line in axis.lines if line.get_label() == "plain"]
    assert list(mean.get_ydata()) == [4.0, 3.0, 2.0]


def test_an_empty_heat_map_is_said():
    assert "c\n(no heat)" in words(FIGURES["looks"]())


def test_a_magnified_change_says_its_factor():
    assert "change × 10" in words(FIGURES["perturbations"]())


def test_the_curve_of_questions_starts_with_those_that_were_right():
    figure = figures.success_by_queries({"square": np.array([0, 3, 90, np.inf])}, {"square": 100})
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [1, 3, 90, 100]
    assert line.get_ydata().tolist() == [0.75, 0.5, 0.25, 0.25]


def test_a_cell_that_was_not_asked_stays_empty():
    shown = [text.get_text() for text in FIGURES["accuracies"]().axes[0].texts]
    assert len(shown) == sum(len(answers) for answers in MODELS.values())
    assert f"{100 * ANSWERS[CLEAN].accuracy:.0f}" in shown


def test_a_table_without_a_lost_cell_is_drawn_without_a_warning(recwarn):
    right = Predictions(np.arange(3), np.eye(3), np.arange(3), ("a", "b", "c"))
    figures.accuracies({("resnet", "standard"): {CLEAN: right}})
    assert not [str(warning.message) for warning in recwarn]


def test_only_what_met_the_strongest_attack_is_set_against_clean_accuracy():
    named = words(FIGURES["robustness_against_clean"]())
    assert {"backbone 0 atk, 15", "15 patients", "soft vote", "majority class"} <= named
    assert not named & {"other", "odd"}


def test_pairs_are_shown_once_and_framed_where_they_stand():
    assert PAIRS["verdict"].tolist() == ["A better", "no difference shown", "B better"]
    axis = FIGURES["differences"]().axes[0]
    assert len(axis.texts) == 3 and sum(isinstance(p, plt.Rectangle) for p in axis.patches) == 2


def test_a_roc_curve_rises_where_the_guilty_are_and_names_its_lines():
    figure = FIGURES["roc_by_kind"]()
    curve = figure.axes[0].lines[0]
    assert curve.get_ydata().tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.get_xdata().tolist() == [0.005, 0.005, 0.5, 0.5, 1]  # none accused: left edge
    assert {"chance", "1%", "noise"} <= words(figure)


def test_a_contact_sheet_keeps_the_order_and_leaves_the_rest_empty():
    axes = FIGURES["contact_sheet"]().axes
    assert [axis.get_xlabel() for axis in axes] == [*"abcdefg", *[""] * 5]
    assert [bool(axis.images) for axis in axes] == [True] * 7 + [False] * 5


@pytest.mark.parametrize(
    "name", ["accuracies", "differences", "drops_by_run", "robustness_against_clean"]
)
def test_no_word_is_cut_off(name, tmp_path):
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")  # which lays it out
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.03 and drawn.x1 < width + 0.03
    assert drawn.y0 > -0.03 and drawn.y1 < height + 0.03


def test_a_target_that_was_missed_gets_a_cross_and_no_number():
    shown = [text.get_text() for text in FIGURES["hiding_map"]().axes[0].texts]
    assert sorted(shown) == ["13", "20", "30", "×"]


def test_what_changed_most_is_enlarged():
    before = np.zeros((1, 40, 40))
    after = before.copy()
    after[0, 30:34, 10:14] = 200
    part = figures.disguises({"spot": (before, after, after)}, zoom=8).axes[2].images[0]
    assert (part.get_array() == 200).sum() == 16
