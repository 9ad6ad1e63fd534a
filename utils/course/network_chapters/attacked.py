"""Models under attack, side by side: what the four chapters of attacked networks share."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import pandas as pd
from matplotlib.figure import Figure

from utils import figures
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.backbones.classifier import Classifier
from utils.course.flag_tables import flag_table
from utils.course.network_chapters.clean import Chapter
from utils.course.network_chapters.defended import Defences
from utils.course.network_chapters.pairs import pair_facts, pool_shared
from utils.course.reading_kit.attacked_pairs import write_attacked_pairs
from utils.course.tables import robustness_table
from utils.course.trained_models import TrainedModel, save_trained
from utils.data.split import Split
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.comparisons.claims import ClaimResult
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.explanations.saliency import before_and_after, saliency_shift
from utils.evaluation.flags.red_flags import check_attack, check_clean
from utils.evaluation.inference import attacked_images, predict
from utils.evaluation.leakage import leakage_report
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions


def attack_twin(chapter: Chapter, twin: TrainedModel) -> "AttackedModels":
    """The clean twin under PGD, with the budget, steps and restarts of the parameters."""
    chosen = chapter.parameters
    epsilon, steps = chosen["EPSILON"] / 255, chosen["ATTACK_STEPS"]
    attack = PGD(epsilon, steps, stop_when_fooled=True, precision="auto")
    attacked = AttackedModels(chapter, AttackSuite(attack, chosen["RESTARTS"]))
    attacked.add("standard", twin.model)
    attacked.check_split()
    return attacked


@dataclass
class AttackedModels:
    """Models under one attack suite: their predictions, their flags, one table, one figure.

    `clean` are the predictions on the whole test set, of which only a part is attacked. `again`
    holds those of further trainings of a model, under the attack at one size.
    """

    chapter: Chapter
    suite: AttackSuite
    models: dict[str, Classifier] = field(default_factory=dict)
    answers: dict[str, dict[Condition, Predictions]] = field(default_factory=dict)
    flags: dict[str, pd.DataFrame] = field(default_factory=dict)
    clean: dict[str, Predictions] = field(default_factory=dict)
    again: dict[str, list[dict[Condition, Predictions]]] = field(default_factory=dict)

    def add(self, name: str, model: Classifier) -> None:
        """Attack one more model, and check the attack."""
        test = self.chapter.attacked_test
        self.models[name] = model
        self.clean[name] = clean = predict(model, self.chapter.splits.test)
        self.answers[name] = found = self.suite.predict(model, test, self.chapter.run.unrecorded)
        self.flags[name] = check_attack(model, test, self.suite, found, whole=clean)

    def add_trainings(self, networks: Mapping[str, Sequence[Classifier]]) -> None:
        """Attack further trainings of the models, for claims about how they were trained."""
        once, test = replace(self.suite, factors=(1,)), self.chapter.attacked_test
        for name, further in networks.items():
            self.again[name] = [
                once.predict(network, test, self.chapter.run.unrecorded) for network in further
            ]

    def by_training(self, condition: Condition) -> dict[str, list[Predictions]]:
        """The predictions of all trainings of each model, in one order: the first are one pair."""
        return {
            name: [found[condition], *(other[condition] for other in self.again.get(name, ()))]
            for name, found in self.answers.items()
        }

    @property
    def strongest(self) -> dict[str, Predictions]:
        return {name: found[self.suite.strongest] for name, found in self.answers.items()}

    def by_kind(self, name: str = "standard") -> Figure:
        """Accuracy of one model by the size of the change: noise, one step, many steps."""
        kinds = {"noise (control)": "noise", "one step (FGSM)": "fgsm", "many steps (PGD)": "pgd"}
        return figures.accuracy_by_epsilon(
            {shown: self.suite.curve(self.answers[name], kind) for shown, kind in kinds.items()}
        )

    def by_model(self) -> Figure:
        """Accuracy of every model under PGD by the size of the change."""
        curves = {f"{n} training": self.suite.curve(a, "pgd") for n, a in self.answers.items()}
        figure = figures.accuracy_by_epsilon(curves)
        self.chapter.run.save_figure("accuracy_by_epsilon", figure)
        return figure

    def table(self) -> pd.DataFrame:
        """One row per model and score: clean, noise, attacked, what the attack takes away, and
        what the model has more than the standard one under attack; paired 95 % intervals.

        Where only a part of the test set is attacked, the clean score on all of it comes first. A
        column without a number is left out.
        """
        table = robustness_table(self.answers, self.suite.noise, self.suite.strongest)
        table = table.loc[:, (table != "").any()]
        whole = len(self.chapter.splits.test)
        if whole > len(self.chapter.attacked_test):
            found = [str(score_of(self.clean[name], score)) for name, score in table.index]
            table.insert(0, f"clean, {whole:,} images (%)", found)
        self.chapter.run.save_table("robustness", table.reset_index())
        return table

    def confusions(self, names: tuple[str, ...] = ("standard", "adversarial")) -> Figure:
        shown = [(n, c) for n in names for c in (CLEAN, self.suite.strongest)]
        figure = figures.confusions({f"{n}, {c}": self.answers[n][c] for n, c in shown})
        self.chapter.run.save_figure("confusion", figure)
        return figure

    def check_split(self) -> None:
        """Flags of the clean score and of the split, beside those of the attack."""
        leakage = leakage_report(self.chapter.splits)
        self.flags["split"] = check_clean(self.clean["standard"], leakage)

    def flag_table(self) -> pd.DataFrame:
        return pd.concat({name: flag_table(found) for name, found in self.flags.items()})

    @property
    def every_flag(self) -> pd.DataFrame:
        """The flags of all models in one table, each named with its model."""
        return pd.concat(t.assign(flag=f"{name}: " + t["flag"]) for name, t in self.flags.items())

    def picture(self, count: int = 2) -> Figure:
        """What the attack adds to a few images, beside random signs of the same size.

        PGD does not stop at its first success here: else little but its random start is seen.
        """
        model, few = self.models["standard"], self._images(count)
        changes = {
            "random signs": RandomSigns(self.suite.attack.epsilon),
            "PGD": replace(self.suite.attack, stop_when_fooled=False),
        }
        shown = {name: attacked_images(model, few, change) for name, change in changes.items()}
        sure = {name: predict(model, few, change).probabilities for name, change in changes.items()}
        figure = figures.perturbations(few, shown, sure)
        self.chapter.run.save_figure("perturbations", figure)
        return figure

    def _images(self, count: int) -> Split:
        """A few test images that the standard model classifies correctly when they are clean."""
        right = self.answers["standard"][CLEAN].right.nonzero()[0]
        return self.chapter.attacked_test.take(right[:: max(1, len(right) // count)][:count])

    def saliency(self, count: int = 4) -> Figure:
        """Where the standard and the defended model look, before and after the attack."""
        maps, captions, few = {}, {}, self._images(count)
        for name in ("standard", "adversarial"):
            found = before_and_after(self.models[name], few, self.suite.attack)
            for state, (heat, answers) in found.items():
                maps[f"{name},\n{state}"] = heat
                captions[f"{name},\n{state}"] = [
                    self.chapter.names[k].replace("_", " ") for k in answers
                ]
        figure = figures.heatmap_grid(few.images, few.masks, maps, captions)
        self.chapter.run.save_figure("gradcam", figure)
        return figure

    def saliency_shifts(self) -> pd.DataFrame:
        """Over a sample of the attacked images: how much each model's maps change under attack."""
        sample = self.chapter.attacked_test.limit(self.chapter.parameters["HEAT_MAPS"])
        rows = {
            name: saliency_shift(model, sample, self.suite.attack)
            for name, model in self.models.items()
        }
        return pd.DataFrame.from_dict(rows, "index").round(3)

    def reading_kit(self) -> pd.DataFrame:
        """Pairs of clean and attacked pictures for a reader."""
        return write_attacked_pairs(self.chapter, self.models["standard"], self.suite.attack)

    def record(
        self,
        twin: TrainedModel,
        defences: Defences,
        shifts: pd.DataFrame,
        claims: Sequence[ClaimResult] = (),
    ) -> None:
        """Keep what `results` reads, and the defended model for later chapters."""
        run, parameters = self.chapter.run, self.chapter.parameters
        met = {
            name: pool_shared(each, self.again.get(name, ())) for name, each in self.answers.items()
        }
        run.save_predictions(met)
        made = {**twin.parameters, **parameters}
        save_trained(
            run, defences.models["adversarial"], defences.config, self.chapter.splits, made
        )
        run.record(
            parameters=parameters,
            config=asdict(defences.config),
            attack=repr(self.suite.attack),
            twin=twin.parameters,
            conditions=list(self.answers["standard"]),
            saliency_shifts=shifts.to_dict("index"),
            collapsed=defences.collapsed,
            data=self.chapter.attacked_test.content_hash(),
            claims=[claim.row for claim in claims],
            flags=[
                {"variant": name, **flag}
                for name, found in self.flags.items()
                for flag in found.to_dict("records")
            ],
        )

    def facts(self) -> str:
        """What must hold of the first pair on every machine."""
        strongest, noise = self.strongest, self.answers["standard"][self.suite.noise]
        return pair_facts(strongest["standard"], strongest["adversarial"], noise)
