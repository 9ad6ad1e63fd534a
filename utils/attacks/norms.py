"""How large a change may be: the balls around an image, and how to move inside them."""

import torch
from torch import Tensor


class LInf:
    """No pixel moves by more than epsilon."""

    @staticmethod
    def start(images: Tensor, epsilon: float) -> Tensor:
        return torch.empty_like(images).uniform_(-epsilon, epsilon)

    @staticmethod
    def direction(gradient: Tensor) -> Tensor:
        return gradient.sign()

    @staticmethod
    def project(change: Tensor, epsilon: float) -> Tensor:
        return change.clamp(-epsilon, epsilon)

    @staticmethod
    def length(change: Tensor) -> Tensor:
        return change.abs().flatten(1).amax(1)

    @staticmethod
    def full_range(images: Tensor) -> float:
        """The epsilon with which every pixel may take any value."""
        return 1.0


class L2:
    """The root of the summed squares of all changes is at most epsilon."""

    @staticmethod
    def start(images: Tensor, epsilon: float) -> Tensor:
        noise = torch.empty_like(images).normal_()
        radius = torch.zeros(len(images), 1, 1, 1, device=images.device).uniform_(0, 1)
        return noise / _length(noise) * radius * epsilon

    @staticmethod
    def direction(gradient: Tensor) -> Tensor:
        return gradient / (_length(gradient) + 1e-10)

    @staticmethod
    def project(change: Tensor, epsilon: float) -> Tensor:
        return change * (epsilon / _length(change).clamp_min(1e-12)).clamp_max(1)

    @staticmethod
    def length(change: Tensor) -> Tensor:
        return change.flatten(1).norm(dim=1)

    @staticmethod
    def full_range(images: Tensor) -> float:
        """The epsilon with which every pixel may take any value."""
        return images[0].numel() ** 0.5


NORMS = {"linf": LInf, "l2": L2}


def norm_named(name: str) -> type[LInf] | type[L2]:
    """The norm of this name."""
    if name not in NORMS:
        raise ValueError(f"unknown norm {name!r}; choose from {', '.join(NORMS)}")
    return NORMS[name]


def check_epsilon(epsilon: float, norm: str) -> None:
    """Refuse a size that no change of an image can have, such as grey levels of 255."""
    norm_named(norm)
    if epsilon < 0:
        raise ValueError(f"needs epsilon >= 0, got {epsilon}")
    if norm == "linf" and epsilon > 1:
        raise ValueError(
            f"epsilon is a share of the range of a pixel, at most 1, got {epsilon:g}; "
            f"for {epsilon:g} grey levels write {epsilon:g} / 255"
        )


def _length(images: Tensor) -> Tensor:
    return images.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
