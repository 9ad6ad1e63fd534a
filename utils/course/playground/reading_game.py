"""The reading kit as a game: which of two images was attacked, A or B?"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from utils.attacks.pgd import PGD
from utils.course.reading_kit.kit import one_per_patient, read_key, read_pictures
from utils.data.split import Split
from utils.evaluation.inference import attacked_split, predict
from utils.evaluation.intervals import Interval, share
from utils.figures.elements.style import readable
from utils.figures.playground import pair_and_change

UNSURE = "cannot tell"
CHOICES = ("A", "B", UNSURE)


@dataclass
class ReadingGame:
    """Pairs of a clean and an attacked image, and the answers so far."""

    pairs: np.ndarray  # uint8 (pairs, A and B, channels, height, width)
    sides: str  # where the attacked image is, such as "ABBA"
    predicted: list[tuple[str, str]]  # of each pair: the class before and after the attack
    answers: list[str] = field(default_factory=list)
    shown: int = 0

    @classmethod
    def of(
        cls, model: nn.Module, split: Split, epsilon: int, count: int, seed: int = 0
    ) -> "ReadingGame":
        """One image of each of `count` patients, attacked by up to `epsilon` grey levels.

        PGD takes all its steps, and the model sees the pictures as they are shown, in 8 bits.
        """
        clean = one_per_patient(split, count, seed)
        attacked = attacked_split(model, clean, PGD(epsilon / 255))
        classes = [predict(model, part).probabilities.argmax(1) for part in (clean, attacked)]
        names = [[readable(split.class_names[k]) for k in each] for each in classes]
        coins = np.random.default_rng(seed).integers(2, size=len(clean))
        sides = "".join("AB"[coin] for coin in coins)
        pictures = np.stack([clean.images.numpy(), attacked.images.numpy()], 1)
        pictures[coins == 0] = pictures[coins == 0, ::-1]
        return cls(pictures, sides, list(zip(*names, strict=True)))

    @classmethod
    def of_kit(cls, folder: Path) -> "ReadingGame":
        """The pairs of a reading kit, with what the model predicts for exactly these pictures."""
        key, pictures = read_key(folder), read_pictures(folder)
        names = [readable(name) for name in key["class_names"]]
        sides = "".join(pair["tampered"] for pair in key["pairs"])
        predicted = [(names[pair["before"]], names[pair["after"]]) for pair in key["pairs"]]
        return cls(pictures, sides, predicted)

    @property
    def answered(self) -> bool:
        """Whether the pair that is shown has its answer."""
        return len(self.answers) > self.shown

    @property
    def over(self) -> bool:
        return len(self.answers) == len(self.pairs)

    def answer(self, choice: str) -> None:
        if choice not in CHOICES:
            raise ValueError(f"unknown answer {choice!r}; choose from {', '.join(CHOICES)}")
        if not self.answered:
            self.answers.append(choice)

    def go_on(self) -> None:
        """Show the next pair; the last one stays."""
        if self.answered and not self.over:
            self.shown += 1

    @property
    def found(self) -> Interval:
        """The share of right answers among those that decide, with its exact interval."""
        return Interval(*(self._decided[name] for name in Interval._fields))

    @property
    def score(self) -> str:
        right, of = self._decided["right"], self._decided["of"]
        undecided = len(self.answers) - of
        text = f"Score: {right} of {of} right, {undecided} × {UNSURE}."
        if of:
            text += f" Right in {self.found.text(digits=0)} % of the decided pairs; a coin: 50 %."
        return text

    @property
    def feedback(self) -> str:
        if not self.answered:
            return f"Pair {self.shown + 1} of {len(self.pairs)}: which image was attacked?"
        side, given = self.sides[self.shown], self.answers[self.shown]
        verdict = "" if given == UNSURE else "Right. " if given == side else "Wrong. "
        before, after = self.predicted[self.shown]
        change = f"from {before} to {after}" if before != after else f"not at all: {before}"
        end = " That was the last pair." if self.over else ""
        return f"{verdict}The attacked image is {side}; the prediction changes {change}.{end}"

    def figure(self) -> Figure:
        """The pair; once it is answered, also the change."""
        side = self.sides[self.shown] if self.answered else ""
        return pair_and_change(self.pairs[self.shown], side)

    @property
    def _decided(self) -> dict:
        given = [(a, s) for a, s in zip(self.answers, self.sides, strict=False) if a != UNSURE]
        return share([answer == side for answer, side in given])
