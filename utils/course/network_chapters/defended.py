"""Adversarially trained twins of a chapter's network: tuned, trained, watched, and repeated."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

from matplotlib.figure import Figure

from utils import figures
from utils.attacks.pgd import PGD, fgsm
from utils.backbones.classifier import Classifier
from utils.course.network_chapters.clean import Chapter
from utils.course.trained_models import TrainedModel
from utils.data.split import Splits
from utils.defences.losses.adversarial_training import AdversarialLoss, collapsed_epochs
from utils.training.config import TrainConfig
from utils.training.loop import best_epoch, train_or_load
from utils.training.losses import CrossEntropy, ValidationScore, balancing_weights
from utils.training.tuning import SearchSpace, best_config, tune


@dataclass(frozen=True)
class Defences:
    """Adversarially trained twins of a model, and how they were trained."""

    models: dict[str, Classifier]
    histories: dict[str, list[dict]]
    config: TrainConfig
    chosen: dict
    figures: dict[str, Figure]

    @property
    def collapsed(self) -> list[int]:
        """The epochs in which the training hid its gradient from a single step."""
        return collapsed_epochs(self.histories["adversarial"])

    @property
    def kept(self) -> dict[str, int]:
        """The epoch, from 1, that is kept of each training."""
        return {name: best_epoch(history)["epoch"] + 1 for name, history in self.histories.items()}


def loss_of(chapter: Chapter) -> AdversarialLoss:
    """Clean and attacked images weighed against each other.

    Every class counts the same, as in the score: an attack drives a model to the common classes.
    """
    chosen, epsilon = chapter.parameters, chapter.parameters["EPSILON"] / 255
    lesson = PGD(epsilon, chosen["LESSON_STEPS"], precision="auto")
    own = CrossEntropy(balancing_weights(chapter.splits.train))
    return AdversarialLoss(lesson, chosen["ADVERSARIAL_WEIGHT"], chosen["GROW"], own)


def lessons(chapter: Chapter) -> tuple[Splits, ValidationScore]:
    """The images of adversarial training, and the judge of its epochs."""
    chosen, epsilon = chapter.parameters, chapter.parameters["EPSILON"] / 255
    judge = PGD(epsilon, 5, stop_when_fooled=True, precision="auto")
    train = chapter.splits.train.limit(chosen["ADVERSARIAL_IMAGES"])
    validation = chapter.splits.validation.per_patient(chosen["PER_PATIENT"])
    splits = replace(chapter.splits, train=train)
    splits = replace(splits, validation=validation.balanced(chosen["JUDGED_IMAGES"]))
    return splits, ValidationScore(judge, one_step=fgsm(epsilon, precision="auto"))


def defend(chapter: Chapter, twin: TrainedModel, search: SearchSpace | float) -> Defences:
    """Tune adversarial training on its own objective, then train from the twin's weights.

    In place of a search, a learning rate can be given.

    The judge of the validation images takes five steps and is never trained on.
    """
    chosen, (splits, score) = chapter.parameters, lessons(chapter)
    fresh, loss = partial(deepcopy, twin.model), loss_of(chapter)
    config = replace(twin.config, epochs=chosen["ADVERSARIAL_EPOCHS"])
    where = chapter.run.checkpoints
    if isinstance(search, SearchSpace):
        journal = where / "tuning.journal"
        study = tune(fresh, splits, twin.config, journal, search, loss, score)
        config, found = best_config(study, config), study.best_params
    else:
        config, found = replace(config, learning_rate=search), {"learning_rate": search}
    model = fresh()
    histories = {"adversarial": train_or_load(model, splits, config, where, loss, score)}
    drawn = {"training": figures.defence_curves(histories, splits.validation.classes)}
    chapter.run.save_figure("training", drawn["training"])
    return Defences({"adversarial": model}, histories, config, found, drawn)


def train_pairs(
    chapter: Chapter, twin: TrainedModel, config: TrainConfig, pairs: int, epochs: int = 0
) -> dict[str, list[Classifier]]:
    """More pairs for a claim about the method: a standard network, and what adversarial training
    with the settings of `config` makes of it.

    Each pair has random weights and an order of its own. Its standard network learns as the twin
    did, for as many `epochs`, or for these.
    """
    (splits, score), loss = lessons(chapter), loss_of(chapter)
    where, found = chapter.run.checkpoints, {"standard": [], "adversarial": []}
    for seed in seeds_of_pairs(config.seed, pairs):
        again = replace(chapter, parameters={**twin.parameters, "SEED": seed})
        standard = again.builder().to(chapter.run.device)
        plan = replace(twin.config, seed=seed, epochs=epochs or twin.config.epochs)
        train_or_load(standard, chapter.splits, plan, where)
        hardened = deepcopy(standard)
        train_or_load(hardened, splits, replace(config, seed=seed), where, loss, score)
        found["standard"].append(standard)
        found["adversarial"].append(hardened)
    return found


def seeds_of_pairs(seed: int, pairs: int) -> range:
    """Those of further trainings; another seed of the chapter has none of them."""
    return range(1000 * (seed + 1), 1000 * (seed + 1) + pairs)
