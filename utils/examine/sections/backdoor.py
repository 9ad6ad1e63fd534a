"""Signs of a backdoor: is there a small mark that turns every image into one class?"""

from utils.data.split import Split, to_float
from utils.detection.trigger_inversion import TriggerSearch, inversion_table
from utils.evaluation.inference import predict
from utils.examine.budget import STEP
from utils.examine.section import ONE_LABEL, Section, does_not_apply
from utils.examine.subject import Subject
from utils.figures.contamination.overview import gallery

IMAGES, SHOWN = 60, 4
SHARE, LEAST = 0.4, 20  # of the minutes; images
SEARCH = {"passes": 60, "batch_size": 20}


def ask_backdoor(subject: Subject) -> Section:
    """The smallest trigger towards each class. It judges nothing: sound networks have some, too."""
    if not (subject.learned and subject.gradients):
        return does_not_apply("The search needs gradients, and a model that knows something.")
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}The search is for a mark that stands for one class.")
    passes = STEP * SEARCH["passes"] * (subject.images.classes - 1)  # to a class, all others
    few = subject.of_each(subject.within(IMAGES, passes, SHARE, LEAST))
    triggers = TriggerSearch(**SEARCH, seed=subject.seed)(subject.model, few)
    table = inversion_table(triggers).assign(unchanged=_unchanged(subject, few))
    first, second = sorted(triggers, key=lambda each: each.area)[:2]
    shown = to_float(few.images[:SHOWN])
    pictures = {"image": shown, "with the mark": first(shown)}
    return Section(
        "note",
        f"The smallest mark that turns the other images into one class covers {first.area:.1%} of "
        f"the image (towards {first.class_name}, {first.success:.0%} of them, and "
        f"{table.loc[first.class_name, 'unchanged']:.0%} without it); the next {second.area:.1%} "
        f"(towards {second.class_name}).",
        "A model with a backdoor obeys a small mark. But a network that is easily attacked obeys "
        "small marks, too, so this alone says nothing: compare with a model of the same kind that "
        "is known to be clean. Triggers that cover the image, such as a warp, are not found.",
        "",
        table.round(3).rename_axis("class").reset_index(),
        numbers={"smallest trigger (share of the image)": first.area},
        figures={
            "The smallest mark found": gallery(
                {name: list(255 * each) for name, each in pictures.items()}, [""] * len(shown)
            )
        },
    )  # fmt: skip


def _unchanged(subject: Subject, few: Split) -> list[float]:
    """The share of the images of other classes that are taken for each class without any mark."""
    predicted, labels = predict(subject.model, few).predicted, few.labels.numpy()
    return [float((predicted[labels != k] == k).mean()) for k in range(few.classes)]
