"""Every contamination changes what it says, and says what it changes."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from noises import NOISES
from small import small_split

from utils.contamination.backdoor import Blend, CleanLabel, Cover, Patch, Poison, Sinusoid
from utils.contamination.base import (
    KINDS,
    Contamination,
    contaminate,
    contaminate_each,
    kinds_of,
)
from utils.contamination.corruptions.planted_noise import Gaussian
from utils.contamination.label_noise import ImageDependent, LabelError, Symmetric
from utils.data.split import Split, to_float

SPLIT = replace(small_split(120), masks=torch.ones(120, 16, 16, dtype=torch.bool))
SAID = torch.rand(120, 3, generator=torch.Generator().manual_seed(5))
NOISE = [family(4, rate=0.2, seed=1) for family in NOISES]
LABELS = [Symmetric(rate=0.2), ImageDependent(SAID, rate=0.2)]
POISON = [
    *(Poison(trigger, target=1, rate=0.2) for trigger in (Patch(), Blend(), Sinusoid())),
    CleanLabel(Sinusoid(), target=1, rate=0.2),
    Cover((Patch(), Sinusoid()), rate=0.2),
]
EVERY = pytest.mark.parametrize("step", [*NOISE, *LABELS, *POISON], ids=repr)


def differ(first: Split, second: Split) -> torch.Tensor:
    """Which images are not what they were, in pixels or label."""
    pixels = (first.images != second.images).flatten(1).any(1)
    return pixels | (first.labels != second.labels)


def same(first: Split, second: Split) -> bool:
    pairs = zip(first.per_image().values(), second.per_image().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@EVERY
def test_changes_its_share_and_no_other_image(step):
    after = step(SPLIT)
    assert differ(SPLIT, after).sum() == (after.changed > 0).sum() == 24
    assert torch.equal(differ(SPLIT, after), after.changed == KINDS.index(step.kind))


@EVERY
def test_leaves_the_split_it_was_given_and_all_else_that_belongs_to_it(step):
    before = small_split(120)
    after = step(SPLIT)
    assert torch.equal(SPLIT.images, before.images) and torch.equal(SPLIT.labels, before.labels)
    assert SPLIT.changed is None
    assert torch.equal(after.groups, SPLIT.groups) and torch.equal(after.masks, SPLIT.masks)
    assert after.images.dtype == torch.uint8 and after.class_names == SPLIT.class_names


@EVERY
def test_labels_change_only_by_label_errors_and_poison_and_pixels_by_all_others(step):
    after = step(SPLIT)
    touched = after.changed > 0
    pixels = (after.images[touched] != SPLIT.images[touched]).flatten(1).any(1)
    labels = after.labels[touched] != SPLIT.labels[touched]
    assert pixels.all() if not isinstance(step, LabelError) else not pixels.any()
    assert (
        labels.all() if isinstance(step, LabelError) or type(step) is Poison else not labels.any()
    )


@EVERY
def test_the_seed_alone_decides(step):
    torch.manual_seed(1)
    first = step(SPLIT)
    torch.manual_seed(2)
    assert same(first, step(SPLIT))
    if not isinstance(step, ImageDependent):  # there the hardest are taken, whatever the seed
        assert not torch.equal(replace(step, seed=9)(SPLIT).changed, first.changed)


@EVERY
def test_the_callers_random_numbers_stay_as_they_were(step):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    step(SPLIT)
    assert torch.equal(torch.rand(4), expected)


@EVERY
def test_a_lower_rate_changes_some_of_those_of_a_higher_one(step):
    few, more = replace(step, rate=0.1)(SPLIT).changed > 0, step(SPLIT).changed > 0
    assert few.sum() == 12 and not (few & ~more).any()


@EVERY
@pytest.mark.parametrize("rate", [0.0, 0.001])
def test_no_image_is_changed_where_the_rate_leaves_none(step, rate):
    after = replace(step, rate=rate)(SPLIT)
    assert not differ(SPLIT, after).any() and not after.changed.any()


@EVERY
def test_prints_what_it_is_and_compares(step):
    assert repr(step).startswith(type(step).__name__) and "rate=0.2" in repr(step)
    assert step == replace(step) and step != replace(step, rate=0.3) and "tensor" not in repr(step)


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_a_rate_is_a_share(rate):
    with pytest.raises(ValueError, match=f"from 0 to 1; got {rate}"):
        Gaussian(rate=rate)


CHAIN = (Gaussian(3, rate=0.25), Symmetric(rate=0.1), Poison(target=2, rate=0.15))


def test_each_image_has_one_kind_after_several_steps():
    after, manifest = contaminate(SPLIT, *CHAIN)
    assert torch.bincount(after.changed).tolist() == [60, 30, 12, 18]
    assert manifest["kind"].value_counts().to_dict() == {
        "noise": 30,
        "poison": 18,
        "label error": 12,
    }
    assert same(after, CHAIN[2](CHAIN[1](CHAIN[0](SPLIT))))


def test_the_manifest_lists_every_changed_image_once_with_what_was_done():
    after, manifest = contaminate(SPLIT, *CHAIN)
    assert manifest["image"].tolist() == torch.nonzero(differ(SPLIT, after))[:, 0].tolist()
    assert set(manifest["what"]) == {repr(step) for step in CHAIN}
    names = pd.Series(SPLIT.class_names)
    for row in manifest.itertuples():
        assert KINDS[after.changed[row.image]] == row.kind
        assert row.group == SPLIT.groups[row.image]
        assert row._5 == names[int(SPLIT.labels[row.image])]
        assert row._6 == names[int(after.labels[row.image])]
        change = (after.images[row.image].float() - SPLIT.images[row.image].float()).abs().mean()
        assert row._7 == pytest.approx(change.item(), rel=1e-5)


def test_without_steps_there_is_nothing_to_list():
    after, manifest = contaminate(SPLIT)
    assert after is SPLIT and manifest.empty
    assert list(manifest) == list(contaminate(SPLIT, *CHAIN)[1])


def test_kinds_travel_with_their_images():
    after, _ = contaminate(SPLIT, *CHAIN)
    assert torch.equal(kinds_of(after.take([5, 3, 9])), kinds_of(after)[[5, 3, 9]])
    assert not kinds_of(SPLIT).any()


@pytest.mark.parametrize(
    "steps",
    [
        (Gaussian(rate=0.7), Symmetric(rate=0.5)),  # too few are left
        (Poison(target=1, rate=0.9),),  # a third has the target's label
        (CleanLabel(Sinusoid(), target=1, rate=0.5),),  # only a third has it
    ],
    ids=repr,
)
def test_more_than_there_is_to_change_is_refused_with_the_highest_rate(steps):
    with pytest.raises(ValueError, match="give a rate up to 0.(3|6)"):
        contaminate(SPLIT, *steps)


def test_a_contamination_of_ones_own_needs_one_method():
    class Mirror(Contamination):
        kind = "noise"

        def change(self, part, chosen, generator):
            return replace(part, images=part.images.flip(3))

    after = Mirror(rate=1.0)(SPLIT)
    assert torch.equal(after.images, SPLIT.images.flip(3)) and (after.changed == 1).all()


@EVERY
def test_images_of_sixteen_bits_keep_them(step):
    """The same images change, by as much, and more finely where pixels change."""
    shallow, deep = step(SPLIT), step(SPLIT.with_depth(16))
    assert deep.depth == 16 and torch.equal(deep.changed, shallow.changed)
    assert torch.equal(deep.labels, shallow.labels)
    apart = (to_float(deep.images) - to_float(shallow.images)).abs()
    assert apart.mean() < 1 / 255
    kept = deep.changed == 0
    assert torch.equal(deep.images[kept], SPLIT.with_depth(16).images[kept])


def test_named_steps_leave_what_a_chain_leaves_and_say_where():
    steps = {"labels": LABELS[0], "patch": POISON[0]}
    after, places = contaminate_each(SPLIT, steps)
    chained, manifest = contaminate(SPLIT, *steps.values())
    assert same(after, chained) and list(places) == list(steps)
    for name, step in steps.items():
        rows = manifest[manifest["what"] == repr(step)]["image"]
        assert places[name].tolist() == rows.tolist() and len(rows) == 24
