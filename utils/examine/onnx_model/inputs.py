"""What the operations of an ONNX graph are given."""

from torch import Tensor

Inputs = list[Tensor | None]


class NotCovered(NotImplementedError):
    """An operation, or a setting of one, that is not in this table."""


def optional(inputs: Inputs, place: int) -> Tensor | None:
    """An input that may be left out."""
    return inputs[place] if place < len(inputs) else None


def numbers(inputs: Inputs, place: int, settings: dict, name: str, usual=None) -> list | None:
    """A list that newer opsets give as an input and older ones as a setting."""
    given = optional(inputs, place)
    return given.tolist() if given is not None else settings.get(name, usual)
