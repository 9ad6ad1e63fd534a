"""Large images that arrive at a pipeline, and a network that sees what it makes of them."""

from dataclasses import dataclass, replace

from torch import nn

from utils.contamination.corruptions.planted_noise import Gaussian
from utils.contamination.hidden_images import HiddenImage
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer, Size, downscale
from utils.course.tables import settings
from utils.course.trained_models import load_trained
from utils.data.loading import load
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split, Splits
from utils.data.unseen import exclude_patients_of, unseen_patients
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions
from utils.run import Run, start_run

OWN = 0.25  # share of the patients that one side may use; the rest are measured


@dataclass(frozen=True)
class ScalingCase:
    """What the two chapters about image scaling share.

    `splits` are small images of other patients. Half of the training images are noisy: a resizer
    that skips pixels leaves more noise than they would have, and noise is not what is measured.
    Large images are `own` ones of the attacker or of the defender, and `test` images.
    """

    run: Run
    splits: Splits
    own: Split
    test: Split
    pipeline: Resizer
    parameters: dict

    @classmethod
    def open(cls, name: str, names: dict) -> "ScalingCase":
        """Seed everything, draw or read the images; `names` are the notebook's `globals()`."""
        chosen, seed = settings(names), names["SEED"]
        data, root = chosen["DATASET"], names["DATA_ROOT"] or None
        run = start_run(name, data, seed)
        places = (root, names["LARGE_ROOT"] or None)
        wanted = (chosen["LARGE"], chosen["PATIENTS"], seed)
        large = unseen_patients(data, *wanted, *places, views=chosen["PER_PATIENT"])
        splits = exclude_patients_of(load(data, chosen["SIZE"], root), large.images)
        splits = splits.limit(chosen["LIMIT"])
        train = Gaussian(severity=2, rate=0.5, seed=seed)(splits.train)
        parts = split_by_group(large.labels.numpy(), large.patients, (OWN, 1 - OWN), seed)
        own, test = (large.take(part) for part in parts)
        pipeline = Resizer(chosen["LIBRARY"], chosen["KERNEL"])
        return cls(run, replace(splits, train=train), own, test, pipeline, chosen)

    @property
    def size(self) -> Size:
        """Of the images that the network sees."""
        return (self.parameters["SIZE"], self.parameters["SIZE"])

    @property
    def names(self) -> tuple[str, ...]:
        return self.test.class_names

    def shrunk(self, split: Split, resizer: Resizer | None = None) -> Split:
        """As the pipeline shrinks them, or another resizer."""
        return downscale(split, resizer or self.pipeline, self.size[0])

    def hide(self, pictures: Split, **options) -> HiddenImage:
        """Hide these large images, as the pipeline shrinks them, in any other ones."""
        small, seed = self.shrunk(pictures), self.parameters["SEED"]
        hide = HiddenImage(rate=1.0, seed=seed, pictures=small, attack=Scaling(self.pipeline))
        return replace(hide, **options)

    def predict(
        self, model: nn.Module, split: Split, resizer: Resizer | None = None
    ) -> Predictions:
        """What the network predicts behind the pipeline, against what a person sees."""
        return predict(model, self.shrunk(split, resizer))

    def obeyed(
        self, model: nn.Module, files: Split, hide: HiddenImage, before: Split
    ) -> Predictions:
        """The same against the hidden diagnoses; `files` are what became of the images `before`."""
        wanted = hide.hidden(before)
        labels = {"labels": wanted.labels, "groups": wanted.groups}
        return predict(model, replace(self.shrunk(files), **labels))

    def network_of(self, chapter: str, names: dict) -> nn.Module:
        """The network that another chapter has left; that chapter runs first where it left none."""
        chosen = {**self.parameters, "LARGE_ROOT": names["LARGE_ROOT"]}
        return load_trained(self.run.of(chapter), self.splits, chosen, names["DATA_ROOT"]).model
