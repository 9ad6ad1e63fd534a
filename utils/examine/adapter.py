"""The examined model as the toolkit wants one: images in [0, 1] in, logits of the classes out."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from utils.backbones.classifier import IMAGENET_MEAN, IMAGENET_STD
from utils.data.split import Split, to_float
from utils.examine.budget import Budget
from utils.examine.model_files import as_module
from utils.examine.opaque import first_tensor
from utils.examine.outputs import (
    BY_ITSELF,
    as_logits,
    check_activation,
    output_of,
    refuse_other_shapes,
)
from utils.examine.precision import (
    USUAL,
    WithImagesIn,
    forms_of,
    is_about_precision,
    precision_name,
    precision_of,
)

IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in the grey level of a colour
TRIED = 4  # images that show what the model takes and returns
SURE = 64  # images that show whether answers are probabilities: logits may be small by chance
LONGEST = 200  # letters of an error


@dataclass(frozen=True)
class Expects:
    """What the model wants to see, where it does not see to it by itself.

    `white` is the value of a white pixel, 1 or 255; `mean` and `std` are in these units, one number
    or one for each channel.
    """

    white: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    inverted: bool = False  # black is white

    def __post_init__(self):
        if self.white <= 0 or min(self.std) <= 0 or len(self.mean) != len(self.std):
            raise ValueError(
                f"needs white > 0, std > 0 and as many means as deviations, got {self!r}"
            )
        if len(self.mean) not in (1, 3):
            raise ValueError(f"give one mean, or one for each of three channels, got {self.mean}")

    def __call__(self, images: Tensor) -> Tensor:
        mean, std = (images.new_tensor(value).view(1, -1, 1, 1) for value in (self.mean, self.std))
        return (self.white * (1 - images if self.inverted else images) - mean) / std

    @property
    def arguments(self) -> str:
        """What gives the same on the command line."""
        numbers = {"white": (self.white,), "mean": self.mean, "std": self.std}
        given = [f"--{name} {','.join(f'{v:g}' for v in each)}" for name, each in numbers.items()]
        return " ".join([*given, *["--inverted"] * self.inverted])


class ExaminedModel(nn.Module):
    """The model behind what its owner says it wants to see, with logits of all classes.

    `output` is what the model itself returns, by its name in `outputs`. Of a model that is examined
    in a copy of float32, `original` is the model itself.
    """

    def __init__(
        self,
        model: nn.Module,
        expects: Expects,
        channels: int,
        output: str,
        original: nn.Module | None = None,
    ):
        super().__init__()
        self.model, self.expects, self.channels, self.output = model, expects, channels, output
        self.held = [original]  # in a list: it is no part of what is examined
        self._budget = Budget()

    @property
    def original(self) -> nn.Module | None:
        return self.held[0]

    @property
    def each_by_itself(self) -> bool:
        """Whether it has one sigmoid for each class, of which one alone is true."""
        return self.output in BY_ITSELF

    @property
    def in_its_precision(self) -> "ExaminedModel":
        """The model itself, where this is a copy of float32."""
        own = WithImagesIn(self.original, precision_of(self.original))
        return ExaminedModel(own, self.expects, self.channels, self.output).within(self._budget)

    def within(self, budget: Budget) -> "ExaminedModel":
        """The model itself, which from now on stops when the minutes are over."""
        self._budget = budget
        return self

    def forward(self, images: Tensor) -> Tensor:
        self._budget.check(len(images))
        return as_logits(first_tensor(self.model(self.shown(images))), self.output)

    def shown(self, images: Tensor) -> Tensor:
        """What the model itself is given."""
        return self.expects(in_channels(images, self.channels))

    def expecting(self, expects: Expects) -> "ExaminedModel":
        """The same model, shown the images in another way."""
        other = ExaminedModel(self.model, expects, self.channels, self.output, self.original)
        return other.within(self._budget)


def in_channels(images: Tensor, channels: int) -> Tensor:
    """Grey images in three equal channels; colour ones as grey levels, if one channel is wanted."""
    if images.shape[1] == channels:
        return images
    if channels == 1:
        return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return images.expand(-1, channels, -1, -1)


def adapt(model: object, split: Split, expects: Expects, activation: str = "") -> ExaminedModel:
    """Find out by trial in which precision the model takes images, how many channels it takes and
    what it returns; in which activation it ends where its numbers cannot tell, its owner says."""
    check_activation(activation, split)
    module, errors = as_module(model), []
    some = to_float(split.images[:TRIED])
    for form in forms_of(module):
        for channels in dict.fromkeys((some.shape[1], 3, 1)):
            if len(expects.mean) == 3 != channels:
                continue
            try:
                with torch.no_grad():
                    found = first_tensor(form(expects(in_channels(some, channels))))
            except Exception as error:  # someone else's model can fail in any way
                errors.append(f"{channels} channels: {_first_line(error)}")
                continue
            copied = form is not module and not isinstance(form, WithImagesIn)
            refuse_other_shapes(found, split, len(some))
            more = in_channels(to_float(split.images[TRIED:SURE]), channels)
            output = output_of(_with_more(found, form, expects(more)), split, activation)
            return ExaminedModel(form, expects, channels, output, module if copied else None)
    raise ValueError(_refusal(module, split, errors))


def _with_more(found: Tensor, form: nn.Module, shown: Tensor) -> Tensor:
    """The first answers and those for more images, as few at a time."""
    parts = shown.split(TRIED) if len(shown) else ()
    with torch.no_grad():
        return torch.cat([found, *(first_tensor(form(part)) for part in parts)])


def _refusal(module: nn.Module, split: Split, errors: list[str]) -> str:
    """Why no form of the model takes the images, and what to change."""
    own = precision_name(precision_of(module))
    others = [error for error in errors if not is_about_precision(error)]
    same = own == precision_name(USUAL)
    tried = "" if same else f" in float32 or {own}, the precision of its weights"
    wants = f" The file says that it wants {module.wants}." if hasattr(module, "wants") else ""
    return (
        f"the model takes no images of {split.size} x {split.size} pixels{tried} "
        f"({'; '.join(dict.fromkeys(others or errors))}).{wants} "
    ) + (
        "Give the size it was trained at as --size" if others
        else "Tensors of two precisions meet in it: save it in one, best in 32 bits (model.float())"
    )  # fmt: skip


def has_gradients(model: nn.Module, split: Split) -> bool:
    """Whether an answer has a slope with respect to the pixels. It may be 0: flags see to that."""
    images = to_float(split.images[:TRIED]).requires_grad_()
    try:
        with torch.enable_grad():
            torch.autograd.grad(model(images).sum(), images)
            return True
    except RuntimeError:  # an answer that torch has not computed
        return False


def other_views(expects: Expects, channels: int) -> dict[str, Expects]:
    """What else the owner may have trained with."""
    usual, scaling = "the mean and deviation of ImageNet", IMAGENET
    if channels != 3:
        usual, scaling = "mean 0.5 and deviation 0.25", ((0.5,), (0.25,))
    views = {
        "grey levels from 0 to 1": Expects(),
        "grey levels from 0 to 255": Expects(255.0),
        "grey levels from -1 to 1": Expects(1.0, (0.5,), (0.5,)),
        usual: Expects(1.0, *scaling),
        "inverted grey levels": replace(expects, inverted=not expects.inverted),
    }
    return {name: view for name, view in views.items() if view != expects}


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"[
        :LONGEST
    ]
