"""What a defence that is a module brings: an adaptive attack, made with knowledge of it."""

from torch import nn

from utils.attacks.adaptive import Adaptive, SuccessMeasure, class_boundary
from utils.attacks.base import Attack


class Defence(nn.Module):
    """A model that defends itself when it predicts, and how it is attacked in earnest."""

    repeats = 1  # predictions that judge an attack; more where the defence is random
    success: SuccessMeasure = staticmethod(class_boundary)  # when an attack has succeeded

    def views(self) -> tuple[nn.Module, ...]:
        """What to attack in its place: models whose gradients lead to images that fool it."""
        return (self,)

    def variants(self, attack: Attack) -> tuple[Attack, ...]:
        """The attack, and others of its size that are stronger against this defence."""
        return (attack,)

    def adaptive(self, attack: Attack) -> Adaptive:
        """The same attack, made with knowledge of the defence."""
        return Adaptive(self.variants(attack), self.views(), self.repeats, self.success)


def views_of(model: nn.Module) -> tuple[nn.Module, ...]:
    """The views of a defence; a plain network is its own view."""
    return model.views() if hasattr(model, "views") else (model,)
