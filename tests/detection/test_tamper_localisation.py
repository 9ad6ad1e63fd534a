"""Where was an image repainted? Scores in closed form, and planted repaints that are found."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score, roc_auc_score

from utils.attacks.pgd import PGD
from utils.attacks.regions import FindingRegion
from utils.contamination.inpainting import BlurredFill, NoisyFill, tamper
from utils.data.phantoms import draw
from utils.data.split import to_float
from utils.detection.tamper_localisation import (
    TamperLocaliser,
    TamperVerdict,
    best_threshold,
    grain_features,
    high_pass_filters,
    hottest_mean,
    iou,
    localisation_scores,
    pixel_auroc,
    pointing,
)
from utils.evaluation.inference import attacked_split, predict

CHEST = draw("chest_phantom", 40, 90, views=1)
SHAPES = torch.zeros(3, 40, 40, dtype=torch.bool)
for number, corner in enumerate((8, 14, 20)):
    SHAPES[number, corner : corner + 12, 6 : 18 + number] = True
WITHOUT_MASKS = replace(CHEST, masks=None)
KNOWN, NEW = WITHOUT_MASKS.take(range(45)), WITHOUT_MASKS.take(range(45, 90))
RANDOM = np.random.default_rng(0)
MAPS, WHERE = RANDOM.random((6, 9, 9)), RANDOM.random((6, 9, 9)) < 0.3


def everywhere(fill) -> dict:
    return dict.fromkeys(range(3), fill)


@pytest.fixture(scope="module")
def localiser() -> TamperLocaliser:
    fills = [BlurredFill(), NoisyFill()]
    lessons = [tamper(KNOWN, everywhere(fill), SHAPES, 1) for fill in fills]
    return TamperLocaliser().fit(*zip(*lessons, strict=True))


def test_the_scores_are_those_of_scikit_learn():
    for found, reference in (
        (pixel_auroc(MAPS, WHERE), [roc_auc_score(w.ravel(), m.ravel()) for m, w in both()]),
        (iou(MAPS, WHERE, 0.6), [jaccard_score(w.ravel(), m.ravel() > 0.6) for m, w in both()]),
    ):
        assert found == pytest.approx(reference)


def both():
    return zip(MAPS, WHERE, strict=True)


def test_a_map_of_the_region_itself_is_perfect_and_its_opposite_fails():
    right, wrong = (localisation_scores(m, torch.tensor(WHERE), 0.5, np.arange(6)) for m in
                    (WHERE.astype(float), 1.0 - WHERE))  # fmt: skip
    assert [each.value for each in right.values()] == [1, 1, 1]
    assert [each.value for each in wrong.values()] == [0, 0, 0]


def test_an_image_without_a_region_has_no_area_and_overlaps_with_nothing():
    none = np.zeros_like(WHERE)
    assert np.isnan(pixel_auroc(MAPS, none)).all() and not pointing(MAPS, none).any()
    assert (iou(MAPS, none, 0.5) == 0).all() and (iou(MAPS, none, 2) == 0).all()


def test_the_best_threshold_is_as_good_as_any():
    maps = np.where(WHERE, 0.5 + 0.5 * MAPS, 0.6 * MAPS)
    best = iou(maps, WHERE, best_threshold(maps, WHERE)).mean()
    assert best >= max(iou(maps, WHERE, limit).mean() for limit in np.linspace(0, 1, 40)) - 0.02


def test_no_filter_answers_to_brightness_or_to_a_slope():
    across = torch.arange(5.0)
    for picture in (torch.ones(5, 5), across.expand(5, 5), across[:, None].expand(5, 5)):
        assert (high_pass_filters() * picture).sum((1, 2, 3)) == pytest.approx(0, abs=1e-5)


def test_grain_is_compared_within_an_image():
    """More contrast everywhere is another exposure, and tells nothing."""
    images = 0.2 + 0.5 * torch.rand(2, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    features = grain_features(images, high_pass_filters())
    brighter = grain_features(1.2 * images, high_pass_filters())
    assert torch.allclose(features[:, :-1], brighter[:, :-1], atol=1e-3)
    assert features.shape == (2, 21, 24, 24) and torch.isfinite(features).all()


@pytest.mark.parametrize("fill", [BlurredFill(), NoisyFill()], ids=repr)
def test_what_it_has_learned_to_find_is_found_in_new_images(localiser, fill):
    changed, regions = tamper(NEW, everywhere(fill), SHAPES, 2)
    found = localisation_scores(localiser.maps(changed), regions, 0.5, NEW.patients)
    assert found["pointing"].value > 3 * regions.float().mean()
    assert found["pixel AUROC"].value > 0.75
    scores = np.concatenate([localiser.score(NEW), localiser.score(changed)])
    assert roc_auc_score(np.arange(len(scores)) >= len(NEW), scores) > 0.6


def test_the_convolutions_are_the_fitted_network(localiser):
    """A map is the same whether an image comes alone, in a batch, or in colour."""
    pixels = to_float(NEW.images[:3])
    with torch.no_grad():
        together = localiser(pixels)
        alone, colour = localiser(pixels[1:2]), localiser(pixels.expand(-1, 3, -1, -1))
    assert torch.allclose(together[1], alone[0], atol=1e-4)
    assert torch.allclose(together, colour, atol=1e-3)
    assert np.allclose(localiser.maps(NEW.take([0, 1, 2])), together.numpy(), atol=1e-4)


def test_it_learns_the_same_from_the_same(localiser):
    lessons = [tamper(KNOWN, everywhere(fill), SHAPES, 1) for fill in (BlurredFill(), NoisyFill())]
    again = TamperLocaliser().fit(*zip(*lessons, strict=True))
    assert np.array_equal(again.maps(NEW), localiser.maps(NEW))


def test_a_verdict_turns_at_its_threshold_and_an_attack_inside_the_region_lowers_it(localiser):
    changed, regions = tamper(NEW, everywhere(NoisyFill()), SHAPES, 2)
    scores = localiser.score(changed)
    verdict = TamperVerdict(localiser, float(np.median(scores)))
    repainted = torch.ones_like(changed.labels)
    labelled = replace(changed, labels=repainted, class_names=("untouched", "repainted"))
    assert (predict(verdict, labelled).right == (scores > verdict.threshold)).mean() > 0.95
    where = FindingRegion(replace(changed, masks=regions))
    hidden = attacked_split(verdict, labelled, PGD(4 / 255, 5, region=where))
    moved = (hidden.images != changed.images).any(1)
    assert not (moved & ~regions).any()
    assert localiser.score(hidden).mean() < scores.mean() - 0.5


def test_the_hottest_pixels_are_averaged():
    flat = torch.zeros(1, 10, 10)
    flat[0, 0, :3] = torch.tensor([3.0, 6.0, 9.0])
    assert hottest_mean(flat).item() == pytest.approx(6)
