"""Checks of who is there twice: the same picture, the same patient, on both sides of a test."""

import numpy as np
import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import CROWD, MIN_IMAGES, TESTED, ImageFolder
from utils.data.duplicates import NEAR
from utils.evaluation.intervals import mean_of
from utils.evaluation.leakage import (
    COPIES_TOLERATED,
    COPY,
    SIBLING,
    SIBLINGS_TOLERATED,
    relative_distances,
)

FEW_COPIES, MANY_COPIES = 2, 0.01  # two views of a body may look alike; the second of all images
MIN_TRAINING_IMAGES = 20  # training images: among fewer nobody is an ordinary neighbour
SURE = 0.05  # how far the limit may move until a patient is torn or mixed


def check_duplicates(delivery: ImageFolder) -> Finding:
    """The same picture more than once, and above all under two classes."""
    identical = _identical_pairs(delivery)
    pairs = np.concatenate([identical, delivery.near_duplicates])
    labels = delivery.facts["label"].to_numpy()
    one, other = labels[pairs.T]
    clash = (one != other) & (one != "") & (other != "")
    same = int(clash[: len(identical)].sum())
    pairs = pairs[np.argsort(~clash, kind="stable")]
    copies, size = len(np.unique(pairs[:, 1])), delivery.images.shape[-1]
    under_two = "No pair stands under two classes. " if delivery.class_names else ""
    if clash.any():
        nearly = count_of(int(clash.sum()) - same, "nearly equal one")
        under_two = f"{count_of(same, 'identical pair')} and {nearly} stand under two classes. "
    severity = "note" if copies else "ok"
    many = copies > max(FEW_COPIES, MANY_COPIES * len(delivery))
    severity = "warning" if many or clash.any() else severity
    return Finding(
        "alarm" if same else severity,
        f"{under_two}"
        f"{count_of(copies, 'image is a copy of another', 'images are copies of others')}: "
        f"{count_of(len(identical), 'pair')} identical at {size} x {size} pixels, "
        f"{count_of(len(delivery.near_duplicates), 'pair')} at most {NEAR:g} grey levels apart.",
        "Of a picture under two classes at most one label is right. Other copies count an image "
        "twice. Nearly equal pairs may be two pictures after all: blank films, cells, slices."
        if copies else "",
        "Decide which label is right, or leave both out; keep one of each picture."
        if copies else "",
        _pair_table(delivery, pairs),
        tuple(pairs.ravel().tolist()),
        tuple(_captions(delivery, pairs[: EXAMPLES // 2])),
    )  # fmt: skip


def check_leakage(delivery: ImageFolder) -> Finding:
    """Test images that are known from training: as pictures, as patients, as near relatives."""
    if not delivery.is_dealt:
        return skipped(
            "No train and test folders: nothing could leak yet. Deal patients, not images."
        )
    identical = _across(delivery, _identical_pairs(delivery))
    relatives, ratios = _relatives(delivery)
    near = (_across(delivery, delivery.near_duplicates), relatives[ratios < COPY])
    pairs = _once(delivery, np.concatenate([identical, *near]))
    tested = np.isin(delivery.parts, TESTED)
    exact, copies = (int(tested[np.unique(some)].sum()) for some in (identical, pairs))
    shared = _shared_patients(delivery)
    copied = exact or copies > COPIES_TOLERATED * tested.sum()
    related = mean_of(ratios < SIBLING, delivery.groups[relatives[:, 1]])
    close = related.value > SIBLINGS_TOLERATED
    siblings = relatives[(ratios >= COPY) & (ratios < SIBLING)]
    said = "{value:.1%} ({low:.1%} to {high:.1%})".format(**related._asdict())
    rows = {
        "test images with an identical picture in another part": exact,
        "test images with a copy in another part, nearly equal ones too": copies,
        "patients named in two parts": shared if delivery.has_patients else "no names",
        "test images with a sibling among the training images": (
            f"{int((ratios < SIBLING).sum())} of {len(ratios)}" if len(ratios) else "not asked"
        ),
    }
    wrong = copied or close or shared
    shown = np.concatenate([pairs, siblings])
    return Finding(
        "alarm" if wrong else "note" if copies or len(siblings) else "ok",
        f"{count_of(copies, 'test image has', 'test images have')} a copy in another part, "
        f"{count_of(shared, 'named patient lies', 'named patients lie')} in two, "
        + (
            f"{said} of the test images have a sibling: a training image less than half as far as "
            f"an ordinary neighbour. Beyond {SIBLINGS_TOLERATED:.0%} that means the same patients "
            f"on both sides. Interval over {delivery.group_description}."
            if len(ratios)
            else "siblings were not looked for: fewer than "
            f"{MIN_TRAINING_IMAGES} training images."
        ),
        "A test that asks about pictures or patients of the training measures memory. Siblings "
        "are judged by pixels alone: very uniform images may look related and not be."
        if wrong else "",
        "Deal anew by patient (second look: `utils.datasets.load` does so), or take the named "
        "images out of training." if wrong or copies else "",
        pd.DataFrame({"asked": list(rows), "found": [str(value) for value in rows.values()]}),
        tuple(shown.ravel().tolist()),
        tuple(_captions(delivery, shown[: EXAMPLES // 2])),
    )  # fmt: skip


def check_patients(delivery: ImageFolder) -> Finding:
    """Who is who: by name where names are known, else by the pixels."""
    if delivery.has_patients:
        sizes = delivery.facts["patient"].value_counts()
        labels = delivery.facts.groupby("patient")["label"].nunique()
        several, most = int((labels > 1).sum()), sizes.max() / len(delivery)
        return Finding(
            "warning" if most > CROWD else "note" if several else "ok",
            f"{count_of(len(sizes), 'patient is', 'patients are')} named, the rarest with "
            f"{count_of(sizes.min(), 'image')}, the commonest with {sizes.max():,} ({most:.0%} of "
            f"all). {count_of(several, 'of them has', 'of them have')} images of more than one "
            "class.",
            "Images of one patient are no independent witnesses. A name for very many images may "
            "be a placeholder, and stand for nobody.",
            "Split, resample and count by patient.",
        )
    most = delivery.facts["patient"].value_counts(normalize=True).drop("", errors="ignore")
    if 0.5 < most.max() < 1:
        return Finding(
            "warning",
            f"Names are given, but one name stands for {most.max():.0%} of the images. It is taken "
            "for a placeholder, and no name was used.",
            "Whoever counts by these names takes strangers for one patient.",
            "Ask for the patient of each image.",
        )
    if len(delivery) < MIN_IMAGES:
        return skipped(f"No names, and fewer than {MIN_IMAGES} images: nobody can be recognised.")
    found = delivery.recovered
    if not delivery.has_patient_signal:
        return skipped(
            f"No names, and by their pixels {int(found.sizes.max()):,} of {len(delivery):,} "
            "images hang together in one chain: nobody can be told apart."
        )
    pairs = np.unique(np.stack([found.groups.numpy(), delivery.pictures]), axis=1)
    pictures = np.bincount(pairs[0])  # copies make no patient
    sure = (pictures > 1) & (found.margins >= SURE)
    images = int(found.sizes[sure].sum())
    told = "By their pixels no two pictures surely belong to one patient."
    if images:
        told = (
            f"By their pixels {images:,} of {len(delivery):,} images surely belong to "
            f"{count_of(int(sure.sum()), 'patient')} with several pictures; the "
            f"largest has {int(pictures[sure].max())}."
        )
    worst = np.flatnonzero(sure)[np.argsort(-pictures[sure], kind="stable")][:3]
    called, labels = delivery.patient_names, delivery.facts["label"].to_numpy()
    shown = [place for one in worst for place in np.flatnonzero(found.groups == one)[:4].tolist()]
    return Finding(
        "note" if images else "ok",
        f"Nobody wrote down who is who. {told} Sure is a group that stays the same if the limit "
        f"between relatives and strangers moves by {SURE:g} of the distance to strangers.",
        "Suspicion, no proof: works where pictures of a patient lie alike, as slices do, and "
        "fails for turned, mirrored or cut ones: none found does not mean none there.",
        "Ask for the patient of each image (a table with a column patient); until then split by "
        "these groups, less sure ones too: who may belong together stays together."
        if images else "Ask for the patient of each image all the same.",
        flagged=tuple(shown),
        captions=tuple(f"{called[i]}: {labels[i]}".removesuffix(": ") for i in shown),
    )  # fmt: skip


def _identical_pairs(delivery: ImageFolder) -> np.ndarray:
    """Each picture with the first of its equals: one in the training, if there is one."""
    order = np.argsort(delivery.parts != "train", kind="stable")
    _, first = np.unique(delivery.pictures[order], return_index=True)
    pairs = np.stack([order[first][delivery.pictures], np.arange(len(delivery))], 1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _across(delivery: ImageFolder, pairs: np.ndarray) -> np.ndarray:
    return pairs[delivery.parts[pairs[:, 0]] != delivery.parts[pairs[:, 1]]]


def _once(delivery: ImageFolder, pairs: np.ndarray) -> np.ndarray:
    """Each pair once, where it comes first, an image of the training before its like."""
    train = delivery.parts == "train"
    turned = train[pairs[:, 1]] & ~train[pairs[:, 0]]
    pairs = np.where(turned[:, None], pairs[:, ::-1], pairs)
    return pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])]


def _shared_patients(delivery: ImageFolder) -> int:
    if not delivery.has_patients:
        return 0
    return int((delivery.facts.groupby("patient")["part"].nunique() > 1).sum())


def _relatives(delivery: ImageFolder) -> tuple[np.ndarray, np.ndarray]:
    """Each test image after its nearest training image, nearest pairs first, and how near: a
    share of the distance to an ordinary neighbour, of whom there have to be some."""
    tested, known = (np.flatnonzero(np.isin(delivery.parts, p)) for p in (TESTED, ("train",)))
    if len(known) < MIN_TRAINING_IMAGES:
        return np.empty((0, 2), dtype=int), np.empty(0)
    ratios, nearest = relative_distances(delivery.images[tested], delivery.images[known])
    order = np.argsort(ratios.numpy(), kind="stable")
    return np.stack([known[nearest], tested], 1)[order], ratios.numpy()[order]


def _pair_table(delivery: ImageFolder, pairs: np.ndarray) -> pd.DataFrame:
    columns = {"one": pairs[:, 0], "other": pairs[:, 1]}
    return pd.DataFrame({name: delivery.files[places] for name, places in columns.items()})


def _captions(delivery: ImageFolder, pairs: np.ndarray) -> list[str]:
    facts = delivery.facts
    said = (facts["part"] + " " + facts["label"]).str.strip().to_numpy()
    return [f"pair {n}: {said[place]}" for n, pair in enumerate(pairs, 1) for place in pair]
