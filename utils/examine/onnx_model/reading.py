"""Reads an ONNX file. Its answers are always those of onnxruntime."""

from pathlib import Path

import torch
from torch import Tensor, nn

from utils.examine.onnx_model.refusals import image_input, refusal, shape_in_words
from utils.examine.opaque import Opaque

PRECISIONS = {"tensor(float16)": torch.float16, "tensor(double)": torch.float64}  # else float32
FAITHFUL = 1e-4  # of the largest answer: as far as the copy in torch may lie from the file


class OnnxModel(Opaque):
    """Answers as the file does. Where a gradient is wanted, the copy in torch stands in for it, if
    its answers for these images are the same; else the model is a black box."""

    def __init__(self, session, copy: nn.Module | None, wanted):
        def answer(images: Tensor) -> Tensor:
            return torch.as_tensor(
                session.run(None, {wanted.name: images.detach().cpu().numpy()})[0]
            )

        batch = wanted.shape[0] if isinstance(wanted.shape[0], int) else 0
        super().__init__(answer, batch, PRECISIONS.get(wanted.type))
        self.copy = copy
        self.wants = shape_in_words(wanted.shape)

    def forward(self, images: Tensor) -> Tensor:
        found = super().forward(images)
        if self.copy is None or not torch.is_grad_enabled():
            return found
        try:
            followed = self.in_batches(self.copy, images)
        except (RuntimeError, NotImplementedError, KeyError, IndexError):
            followed = None  # what the file says of itself does not hold in torch
        if followed is None or not _alike(followed, found):
            self.copy = None
            return found
        return followed


def read_onnx(path: Path) -> nn.Module:
    """The model in an ONNX file."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ValueError(f"{path} needs onnxruntime: pip install onnxruntime") from None
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises many kinds
        raise ValueError(refusal(path, error, onnxruntime.__version__)) from error
    return OnnxModel(session, _copy(path), image_input(path, session.get_inputs()))


def _copy(path: Path) -> nn.Module | None:
    """The graph in torch; none without the package onnx, or where an operation is not covered."""
    try:
        import onnx

        from utils.examine.onnx_model.graph import OnnxGraph

        return OnnxGraph(onnx.load(path))
    except (ImportError, NotImplementedError, ValueError, TypeError, KeyError):
        return None


def _alike(followed: Tensor, found: Tensor) -> bool:
    if followed.shape != found.shape:
        return False
    return bool((followed.detach() - found).abs().max() <= FAITHFUL * max(1, found.abs().max()))
