"""What the four chapters of a clean network share: data, tuning, training, scores, record."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial

import pandas as pd
from matplotlib.figure import Figure

from utils import figures
from utils.attacks.random_noise import RandomSigns
from utils.backbones.classifier import Classifier, build
from utils.course.flag_tables import flag_table
from utils.course.tables import score_table, settings
from utils.course.trained_models import save_trained
from utils.data.loading import load
from utils.data.split import Split, Splits, to_float
from utils.evaluation.comparisons.claims import ClaimResult
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.explanations.saliency import heat_maps, localisation
from utils.evaluation.flags.red_flags import check_clean
from utils.evaluation.inference import predict, predict_all
from utils.evaluation.leakage import LeakageReport, leakage_report
from utils.evaluation.metrics import HEADLINE
from utils.evaluation.predictions import Predictions
from utils.run import Run, start_run
from utils.training.config import TrainConfig, for_weights
from utils.training.cross_validation import small_set
from utils.training.loop import best_epoch, train_or_load
from utils.training.losses import CrossEntropy, Loss
from utils.training.studies import importances, trial_rows
from utils.training.tuning import SearchSpace, best_config, tune

NOISE = 4 / 255  # of the control
CONDITIONS = {CLEAN: None, Condition("noise", NOISE): RandomSigns(NOISE)}


def open_chapter(name: str, names: dict) -> "Chapter":
    """Seed everything and read the data; `names` are the notebook's `globals()`.

    `LIMIT` counts training images; `PER_PATIENT` counts those of a test patient.
    """
    parameters = settings(names)
    run = start_run(name, parameters["DATASET"], parameters["SEED"])
    splits = load(
        parameters["DATASET"],
        parameters["SIZE"],
        root=names["DATA_ROOT"] or None,
        test_patients=parameters["TEST_PATIENTS"],
    )
    train = splits.train.limit(parameters["LIMIT"])
    test = splits.test.per_patient(parameters["PER_PATIENT"])
    return Chapter(run, replace(splits, train=train, test=test), parameters)


@dataclass(frozen=True)
class Tuning:
    """What a search has found: the settings that are kept, and its picture."""

    config: TrainConfig
    chosen: dict
    figure: Figure


@dataclass(frozen=True)
class Training:
    """A trained model with the curves of its training."""

    model: Classifier
    config: TrainConfig
    history: list[dict]
    figure: Figure


@dataclass(frozen=True)
class CleanEvaluation:
    """The predictions for held-out patients, clean and under random noise."""

    predictions: dict[Condition, Predictions]
    leakage: LeakageReport
    note: str = ""  # where the test set is small

    @cached_property
    def scores(self) -> pd.DataFrame:
        return score_table(self.predictions, self.note)

    @cached_property
    def confusion(self) -> Figure:
        return figures.confusions(self.predictions)

    @cached_property
    def flags(self) -> pd.DataFrame:
        return check_clean(self.predictions[CLEAN], self.leakage)

    @property
    def flag_table(self) -> pd.DataFrame:
        return flag_table(self.flags)

    @property
    def baselines(self) -> str:
        """The scores that need no learning."""
        leakage, constant = self.leakage, 1 / len(self.predictions[CLEAN].class_names)
        majority, nearest = leakage.majority, leakage.baseline.value
        others = f"majority class {majority:.1%}, nearest neighbour {nearest:.1%}"
        known = f"constant answer {constant:.1%} in balanced accuracy; in accuracy {others}"
        return "\n".join([known, self.note]).strip()


@dataclass(frozen=True)
class Chapter:
    """A chapter at work: where it keeps its things, its data, its parameters."""

    run: Run
    splits: Splits
    parameters: dict

    @property
    def names(self) -> tuple[str, ...]:
        return self.splits.train.class_names

    @cached_property
    def attacked_test(self) -> Split:
        """The test images that are attacked, as many of each class."""
        return self.splits.test.balanced(self.parameters["ATTACKED_IMAGES"])

    @property
    def counts(self) -> pd.DataFrame:
        """Images per split and class; in a chapter with an attack, those that are attacked."""
        parts = dict(self.splits.items())
        if "ATTACKED_IMAGES" in self.parameters:
            parts["attacked"] = self.attacked_test
        rows = {name: split.counts.tolist() for name, split in parts.items()}
        return pd.DataFrame.from_dict(rows, "index", columns=self.names).assign(
            total=lambda table: table.sum(axis=1)
        )

    @property
    def builder(self) -> Callable[[], Classifier]:
        """The classifier that the parameters describe, untrained and the same each time."""
        chosen = self.parameters
        return partial(
            build,
            chosen["BACKBONE"],
            self.splits.train.classes,
            self.splits.train.size,
            chosen["WEIGHTS"],
            chosen.get("FROZEN", False),
            seed=chosen["SEED"],
        )

    def tune(self, search: SearchSpace) -> Tuning:
        """Search the settings on the validation split; a search that was stopped goes on."""
        chosen, journal = self.parameters, self.run.checkpoints / "tuning.journal"
        config = TrainConfig(chosen["EPOCHS"], patience=chosen["PATIENCE"], seed=chosen["SEED"])
        config = for_weights(config, chosen["WEIGHTS"], chosen.get("FROZEN", False))
        study = tune(self.builder, self.splits, config, journal, search)
        figure = figures.tuning(trial_rows(study), importances(study))
        self.run.save_figure("tuning", figure)
        return Tuning(best_config(study, config), study.best_params, figure)

    def train(self, config: TrainConfig, loss: Loss = CrossEntropy()) -> Training:
        """Train, or load what was trained before; the best epoch on validation is kept."""
        chosen, model = self.parameters, self.builder().to(self.run.device)
        config = for_weights(config, chosen["WEIGHTS"], chosen.get("FROZEN", False))
        history = train_or_load(model, self.splits, config, self.run.checkpoints, loss)
        figure = figures.training_curves(history, 1 / len(self.names), HEADLINE)
        self.run.save_figure("training", figure)
        return Training(model, config, history, figure)

    def evaluate(self, model: Classifier) -> CleanEvaluation:
        """Predict the test patients once, and look for leaks between the splits."""
        predictions, few = predict_all(model, self.splits.test, CONDITIONS), small_set(self.splits)
        evaluation = CleanEvaluation(predictions, leakage_report(self.splits), few)
        self.run.save_table("scores", evaluation.scores.reset_index(names="condition"))
        self.run.save_figure("confusion", evaluation.confusion)
        return evaluation

    def saliency(self, model: Classifier, name: str, count: int = 5) -> Figure:
        """Where the model looks on an image of each class; a known finding is outlined."""
        test, names = self.splits.test, self.names
        few = test.balanced(count)
        answers = predict(model, few).probabilities.argmax(1)
        maps = heat_maps(model, to_float(few.images.to(self.run.device)), answers)
        captions = [
            f"{names[a]}\n(is {names[t]})".replace("_", " ")
            for a, t in zip(answers, few.labels, strict=True)
        ]
        figure = figures.heatmap_grid(few.images, few.masks, {name: maps}, {name: captions})
        self.run.save_figure("gradcam", figure)
        return figure

    def localisation(self, model: Classifier, evaluation: CleanEvaluation) -> dict[str, float]:
        """Over the test set: the share of the heat inside the finding; empty without masks."""
        test = self.splits.test
        if test.masks is None:
            return {}
        answers = evaluation.predictions[CLEAN].probabilities.argmax(1)
        maps = heat_maps(model, to_float(test.images.to(self.run.device)), answers)
        return localisation(maps, test.masks.numpy())

    def record(
        self,
        training: Training,
        evaluation: CleanEvaluation,
        heat: dict,
        claims: Sequence[ClaimResult] = (),
    ) -> None:
        """Keep the model for later chapters, and what `results` reads; `claims` are judged."""
        run, parameters = self.run, self.parameters
        save_trained(run, training.model, training.config, self.splits, parameters)
        run.save_predictions({"standard": evaluation.predictions})
        run.record(
            parameters=parameters,
            config=asdict(training.config),
            best_epoch=best_epoch(training.history)["epoch"],
            conditions=list(evaluation.predictions),
            focus=heat,
            flags=evaluation.flags.to_dict("records"),
            claims=[claim.row for claim in claims],
        )
