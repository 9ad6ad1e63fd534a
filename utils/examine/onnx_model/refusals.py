"""What is wrong with an ONNX file that cannot be examined, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path

ADVICE = {  # words of onnxruntime, and what they mean for the owner of a file
    ("Protobuf parsing failed", "No graph was found"): (
        "it is damaged, cut short or no ONNX file; copy or export it again"
    ),
    ("External data",): (
        "its weights lie in a second file, which must stand beside it under the name given here"
    ),
    ("IR version", "Opset", "NOT_IMPLEMENTED", "No Op registered"): (
        "this onnxruntime ({version}) does not know its version or one of its operations; export "
        "it for an opset between 9 and 17, or install a newer onnxruntime"
    ),
}
DAMAGED = "its graph contradicts itself, as in a damaged file; copy or export it again"
FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")
LONGEST = 300  # letters of an error


def refusal(path: Path, error: Exception, version: str) -> str:
    """In the words of an owner first, then those of onnxruntime."""
    text = " ".join(str(error).split())
    known = (advice for words, advice in ADVICE.items() if any(word in text for word in words))
    advice = next(known, DAMAGED).format(version=version)
    return f"{path} cannot be read as ONNX: {advice} ({text[:LONGEST]})"


def image_input(path: Path, inputs: Sequence):
    """The one input of a graph, which must be a batch of images."""
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise ValueError(
            f"{path} has {len(inputs)} inputs ({names}), and a batch of images must be the only "
            "one; export the network alone, with the others fixed inside it"
        )
    (wanted,) = inputs
    if wanted.type not in FLOATS:
        raise ValueError(
            f"{path} takes {wanted.type}, and images are given as floating-point numbers; export "
            "it with such an input, and say --white 255 if it wants grey levels up to 255"
        )
    if wanted.shape and len(wanted.shape) != 4:
        raise ValueError(
            f"{path} takes {shape_in_words(wanted.shape)}, and images are (images, channels, "
            "height, width); export it with the step that brings them into its form"
        )
    if _channels_last(wanted.shape):
        raise ValueError(
            f"{path} takes {shape_in_words(wanted.shape)}, with the channels last, and images are "
            "(images, channels, height, width); export it with a transposition at its start"
        )
    return wanted


def shape_in_words(shape: Sequence[int | str | None]) -> str:
    """The shape that a file names, such as (any, 3, 224, 224)."""
    return f"({', '.join(str(each) if isinstance(each, int) else 'any' for each in shape)})"


def _channels_last(shape: Sequence[int | str | None]) -> bool:
    return len(shape) == 4 and shape[3] in (1, 3) and shape[1] not in (1, 3)
