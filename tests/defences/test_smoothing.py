"""Votes under noise and their guarantee: exact bounds, a linear model, and attacks inside it."""

import numpy as np
import pytest
import torch
from scipy import stats
from small import small_split, trained_network
from torch import nn
from witnesses import linear, size_of

from utils.attacks.norms import L2
from utils.attacks.pgd import PGD, input_gradient
from utils.data.split import Split, to_float
from utils.defences.smoothing import (
    ABSTAINED,
    Certificates,
    NoiseLoss,
    Noisy,
    Smoothed,
    certify,
    lower_bound,
)
from utils.evaluation.inference import predict
from utils.training.losses import CrossEntropy

SPLIT, SIGMA = small_split(60, seed=7), 0.15
MODEL = Smoothed(trained_network(), SIGMA)
HITS = np.array([0, 1, 17, 500, 501, 990, 1000])


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_bound_is_that_of_statsmodels_and_of_scipy(alpha):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    theirs = proportion.proportion_confint(HITS, 1000, 2 * alpha, method="beta")[0]
    exact = [
        stats.binomtest(int(hits), 1000, alternative="greater")
        .proportion_ci(1 - alpha, "exact")
        .low
        for hits in HITS
    ]
    found = lower_bound(HITS, 1000, alpha)
    assert np.allclose(found, theirs) and np.allclose(found, exact)
    assert found[-1] == pytest.approx(alpha ** (1 / 1000))  # all of them: the closed form


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_the_bound_holds_as_often_as_it_says(p):
    hits = np.random.default_rng(0).binomial(100, p, 20_000)
    assert (lower_bound(hits, 100, 0.05) > p).mean() <= 0.055


def test_votes_are_counted_and_their_shares_predicted():
    images = to_float(SPLIT.images[:7])
    votes = MODEL.votes(images, 150)
    assert votes.shape == (7, 3) and (votes.sum(1) == 150).all()
    torch.manual_seed(0)
    expected = MODEL.votes(images, 100)
    torch.manual_seed(0)
    shares = MODEL(images).softmax(1)
    assert torch.allclose(shares, (expected + 1 / 3) / 101, atol=1e-6)


def test_votes_are_independent_draws_of_noise():
    """A fair coin for each copy: their number is binomial, for an image and between images."""

    class Sign(nn.Module):
        def forward(self, images):
            return torch.stack([images[:, 0, 0, 0], -images[:, 0, 0, 0]], 1)

    torch.manual_seed(0)
    votes = Smoothed(Sign(), 1.0).votes(torch.zeros(400, 1, 2, 2), 100)[:, 0].float()
    assert votes.mean() == pytest.approx(50, abs=1) and votes.std() == pytest.approx(5, abs=0.6)


def plane():
    """A linear model of two classes and images at known distances from its boundary."""
    model, _ = linear(2)
    generator = torch.Generator().manual_seed(1)
    images = (255 * torch.rand(200, 1, 4, 4, generator=generator)).to(torch.uint8)
    with torch.no_grad():
        lead = torch.sub(*model(to_float(images)).T)
    weight = model[1].weight[0] - model[1].weight[1]
    labels = (lead < 0).long()
    return model, Split(images, labels, ("a", "b")), (lead.abs() / weight.norm()).detach().numpy()


@pytest.mark.parametrize("sigma", [0.1, 0.5])
def test_the_radius_of_a_linear_model_is_at_most_its_distance_and_close_to_it(sigma):
    """Smoothing leaves a linear model as it is, so its exact radius is the distance."""
    model, split, distance = plane()
    found = certify(Smoothed(model, sigma), split)
    assert (found.radius > distance).sum() <= 1  # each of 200 with a probability of .001
    most = sigma * stats.norm.ppf(0.001 ** (1 / 1000))  # where all 1,000 agree
    assert found.radius.max() <= most + 1e-6
    clear = (distance > 0.6 * sigma) & (distance < 2 * sigma)
    assert (found.radius[clear] > 0.6 * distance[clear]).all() and clear.sum() > 20
    assert found.certified()[clear].all()
    assert (found.predicted[distance < 0.01 * sigma] == ABSTAINED).all()


@pytest.mark.parametrize("sigma", [0.2])
def test_no_attack_inside_the_certified_radius_changes_the_vote(sigma):
    """Climbed in expectation, each image up to its own radius."""
    model = Smoothed(trained_network(), sigma).eval()
    found = certify(model, SPLIT)
    rows = np.flatnonzero(found.certified(0.01))
    assert len(rows) > 20
    images, labels = to_float(SPLIT.images[rows]), SPLIT.labels[rows]
    radius = torch.from_numpy(found.radius[rows]).float()
    torch.manual_seed(0)
    attacked = model.adaptive(PGD(float(radius.max()), 5, norm="l2", random_start=False))(
        model, images, labels
    )
    inside = images + L2.project(attacked - images, 0.999 * radius.view(-1, 1, 1, 1))
    assert (size_of(inside - images, "l2") <= radius).all()
    said = model.classes(inside)
    assert ((said == labels) | (said == ABSTAINED)).all()
    beyond = images + L2.direction(attacked - images) * 4 * radius.view(-1, 1, 1, 1)
    assert (model.classes(beyond) != labels).any()  # the attack is one


def test_the_attacked_accuracy_is_no_lower_than_the_certified():
    found = certify(MODEL, SPLIT)
    for size in (0.1, 0.3):
        under = predict(MODEL, SPLIT, MODEL.adaptive(PGD(size, 10, norm="l2")))
        assert under.accuracy >= found.accuracy(size).value


def test_votes_hide_the_gradient_and_expectation_finds_it():
    images, labels = to_float(SPLIT.images), SPLIT.labels
    assert not input_gradient(MODEL, images, labels).any()
    assert all(input_gradient(view, images, labels).any() for view in MODEL.views())
    attack = PGD(2.0, 5, norm="l2")
    plain = predict(MODEL, SPLIT, attack).accuracy
    known = predict(MODEL, SPLIT, MODEL.adaptive(attack)).accuracy
    assert known < plain - 0.3, (known, plain)


def test_too_close_a_vote_is_no_prediction_and_counts_as_wrong():
    class Coin(nn.Module):
        def forward(self, images):
            return torch.rand(len(images), 3)

    model = Smoothed(Coin(), 0.1)
    assert (model.classes(to_float(SPLIT.images), 100) == ABSTAINED).all()
    found = certify(model, SPLIT, draws=100)
    assert (found.predicted == ABSTAINED).all() and not found.radius.any()
    assert found.accuracy().value == 0


def test_certified_accuracy_counts_right_images_with_a_large_enough_radius():
    labels, groups = np.array([0, 1, 1, 0]), np.arange(4)
    found = Certificates(
        labels, np.array([0, 1, 0, ABSTAINED]), np.array([0.5, 0.1, 0.9, 0]), groups
    )
    curve = [found.accuracy(radius).value for radius in (0, 0.1, 0.2, 0.5, 0.6)]
    assert curve == [0.5, 0.5, 0.25, 0.25, 0]
    assert found.accuracy(0.2).low <= 0.25 <= found.accuracy(0.2).high


def test_the_same_seed_gives_the_same_certificates_and_nothing_else_changes():
    model = Smoothed(trained_network().train(), SIGMA).train()
    before = torch.random.get_rng_state()
    one, again = (certify(model, SPLIT, draws=50) for _ in range(2))
    other = certify(model, SPLIT, draws=50, seed=1)
    assert np.array_equal(one.radius, again.radius)
    assert not np.array_equal(one.radius, other.radius)
    assert torch.equal(torch.random.get_rng_state(), before) and model.training
    assert model.model.training


def test_learning_from_noise_is_the_loss_on_what_the_vote_will_show():
    model, images = trained_network(), to_float(SPLIT.images)
    own = CrossEntropy((1.0, 2.0, 0.5))
    torch.manual_seed(0)
    found = NoiseLoss(0.4, own)(model, images, SPLIT.labels, 0)
    torch.manual_seed(0)
    assert torch.equal(found, own.of(Noisy(model, 0.4)(images), SPLIT.labels))
    assert found > own(model, images, SPLIT.labels, 0)


def test_noise_is_drawn_anew_with_its_spread():
    seen = Noisy(nn.Identity(), 0.2)
    torch.manual_seed(0)
    one, other = (seen(torch.full((50, 1, 16, 16), 0.5)) - 0.5 for _ in range(2))
    assert one.std() == pytest.approx(0.2, rel=0.03) and not torch.equal(one, other)


@pytest.mark.parametrize("wrong", [(0.0, 10), (0.1, 0)])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="sigma > 0 and draws >= 1"):
        Smoothed(nn.Identity(), *wrong)
