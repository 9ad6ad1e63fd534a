"""Grad-CAM on any network: evidence for a class, at the places of one of its layers.

The layer is the one that is given, or one that is found: feature maps of a convolution, or the
tokens before the last attention.

The maps are those of pytorch-grad-cam, the witness in the test. It is not called here because a
saliency needs what it does not do: leave the weights without a gradient (it calls `backward`), read
the input of an attention (it hooks outputs), and keep maps that the next layer overwrites.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode

MIN_ROWS = 7  # of a feature map; coarser maps blur everything


@dataclass(frozen=True)
class Layer:
    """A layer with a place in the image for each of its outputs (or inputs, before an attention).

    `prefix` counts the tokens without a place, `grid` are the rows and columns of the others; of
    feature maps (n, channels, rows, columns) neither is needed.
    """

    module: nn.Module
    prefix: int = 0
    grid: tuple[int, int] | None = None
    of_input: bool = False

    def as_maps(self, values: Tensor) -> Tensor:
        """(n, channels, rows, columns), without class and register tokens."""
        if self.grid is None:
            return values
        return values[:, self.prefix :].transpose(1, 2).unflatten(2, self.grid)

    @contextmanager
    def kept(self) -> Iterator[list[Tensor]]:
        """What passes through the layer while the model runs, inside the graph."""
        found = []

        def keep(value: Tensor) -> Tensor:
            found.append(value)
            return value.clone()  # what follows may work in place

        def before(_, inputs: tuple) -> tuple:
            first, *rest = inputs
            kept = keep(first)
            return (kept, *(kept if each is first else each for each in rest))

        if self.of_input:
            hook = self.module.register_forward_pre_hook(before)
        else:
            hook = self.module.register_forward_hook(lambda _, __, output: keep(output))
        try:
            yield found
        finally:
            hook.remove()


def grad_cam(model: nn.Module, layer: Layer, images: Tensor, explained: Tensor) -> Tensor:
    """(n, height, width) in [0, 1]: the channels of the layer, weighted by the mean gradient of
    the explained logit, where they speak for the class (Selvaraju 2017). No weight gets a gradient.
    """
    with eval_mode(model), torch.enable_grad(), layer.kept() as kept:
        logits = model(images.detach().requires_grad_())
        chosen = logits.gather(1, explained[:, None].to(logits.device))
        gradient = torch.autograd.grad(chosen.sum(), kept[-1])[0]
    maps, slopes = layer.as_maps(kept[-1].detach()), layer.as_maps(gradient)
    heat = (slopes.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).clamp_min(0)
    size = images.shape[-2:]
    return _scaled(F.interpolate(_scaled(heat), size, mode="bilinear"))[:, 0]


def _scaled(heat: Tensor) -> Tensor:
    """From 0 to 1, each map on its own; a map without heat stays empty."""
    heat = heat - heat.amin((-2, -1), keepdim=True)
    return heat / (1e-7 + heat.amax((-2, -1), keepdim=True))


def chosen_layer(model: nn.Module, layer: nn.Module | str, image: Tensor) -> Layer:
    """This layer, by its name or as it is, if its outputs have places in the image."""
    module = model.get_submodule(layer) if isinstance(layer, str) else layer
    if module not in set(model.modules()):
        raise ValueError(f"{layer!r} is no layer of the model")
    seen = [shape for each, shape in _run(model, image).outputs if each is module]
    if not seen:
        raise ValueError(f"{layer!r} does not run, or returns no single tensor")
    if len(seen[-1]) == 4:
        return Layer(module)
    side = isqrt(seen[-1][1]) if len(seen[-1]) == 3 else 0
    if not side or seen[-1][1] - side**2 > side:
        raise ValueError(
            f"the outputs of {layer!r} have the shape {tuple(seen[-1])}; needs feature maps "
            "(n, channels, rows, columns) or tokens (n, tokens, width) of a square grid"
        )
    return Layer(module, seen[-1][1] - side**2, (side, side))


def found_layer(model: nn.Module, image: Tensor) -> Layer | None:
    """The layer to explain; None where none has a place in the image for each of its values.

    CNN: the deepest stage with a map of at least 7 x 7, else the finest. Transformer: the input
    of the last attention, if its tokens are patches behind a prefix.
    """
    if getattr(model, "members", None):
        return None  # no layer of one member speaks for all
    backbone = getattr(model, "backbone", model)
    run = _run(model, image)
    stages = getattr(backbone, "feature_info", None)
    known = dict(backbone.named_modules())
    stages = [known[s["module"]] for s in stages or () if s.get("module") in known]
    if run.attention is not None:
        return _patches(backbone, run, stages)
    if hasattr(backbone, "feature_info") and not _in_rows(backbone, run, stages):
        return None
    places = [(m, s) for m, s in run.outputs if _is_map(s, image) and (not stages or m in stages)]
    if not places:
        return None
    fine = [module for module, shape in places if shape[-1] >= MIN_ROWS]
    finest = max(shape[-1] for _, shape in places)
    return Layer((fine or [module for module, shape in places if shape[-1] == finest])[-1])


@dataclass
class _Run:
    """What the layers of a model return for an image, in the order in which they end."""

    outputs: list[tuple[nn.Module, torch.Size]] = field(default_factory=list)
    attention: nn.Module | None = None  # the last one that receives tokens
    tokens: int = 0  # of its input


def _run(model: nn.Module, image: Tensor) -> _Run:
    run = _Run()

    def note(module: nn.Module, inputs: tuple, output) -> None:
        if isinstance(output, Tensor):
            run.outputs.append((module, output.shape))
        first = inputs[0] if inputs else None
        if "Attention" in type(module).__name__ and isinstance(first, Tensor) and first.ndim == 3:
            run.attention, run.tokens = module, first.shape[1]

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    try:
        with eval_mode(model), torch.no_grad():
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
    return run


def _patches(backbone: nn.Module, run: _Run, stages: list[nn.Module]) -> Layer | None:
    """The tokens before the last attention, if those behind the known prefix are all patches."""
    grid = getattr(getattr(backbone, "patch_embed", None), "grid_size", None)
    if grid is None:  # a network that does not say: a square behind at most one class token
        side = isqrt(run.tokens)
        grid, known = (side, side), min(run.tokens - side**2, 1)
        if side < 2:
            return None
    else:
        known = getattr(backbone, "num_prefix_tokens", 0)
    prefix = run.tokens - grid[0] * grid[1]
    of_last = not stages or run.attention in set(stages[-1].modules())
    return Layer(run.attention, prefix, tuple(grid), True) if prefix == known and of_last else None


def _in_rows(backbone: nn.Module, run: _Run, stages: list[nn.Module]) -> bool:
    """Whether all stages return maps with the channels before rows and columns."""
    shapes = [shape for module, shape in run.outputs if module in stages]
    in_rows = str(getattr(backbone, "output_fmt", "NCHW")).endswith("NCHW")
    return bool(shapes) and in_rows and all(len(shape) == 4 for shape in shapes)


def _is_map(shape: torch.Size, image: Tensor) -> bool:
    """(n, channels, rows, columns) in the proportions of the image, and smaller."""
    if len(shape) != 4 or shape[-1] >= image.shape[-1] or min(shape[-2:]) < 2:
        return False
    return abs(shape[-2] * image.shape[-1] - shape[-1] * image.shape[-2]) <= max(image.shape[-2:])
