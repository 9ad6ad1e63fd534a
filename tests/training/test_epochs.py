"""Epochs that can be stopped anywhere: resumed to the same bits, and never repeated."""

import pytest
import torch
from small import small_network

from utils.training.checkpoints import Checkpoint
from utils.training.epochs import run_epochs


class Walk:
    """A model whose weights take one random step per epoch."""

    def __init__(self):
        self.model, self.epochs = small_network(), []

    def run(self, folder, epochs=4, stop=None, **options) -> list[dict]:
        def train_epoch(epoch: int) -> dict:
            if epoch == stop:
                raise KeyboardInterrupt
            self.epochs.append(epoch)
            with torch.no_grad():
                for value in self.model.parameters():
                    value += torch.randn_like(value)
            return {"drawn": float(torch.rand(()))}

        parts = {"model": self.model}
        return run_epochs(Checkpoint(folder, {}), parts, train_epoch, epochs, seed=1, **options)


def without_time(history: list[dict]) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_stopped_and_resumed_equals_never_stopped(tmp_path, stop):
    straight, stopped, resumed = Walk(), Walk(), Walk()
    history = straight.run(tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        stopped.run(tmp_path / "stopped", stop=stop)
    again = resumed.run(tmp_path / "stopped")
    assert stopped.epochs + resumed.epochs == [0, 1, 2, 3]
    assert without_time(again) == without_time(history)
    for one, other in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_finished_training_is_read(tmp_path):
    history, again = Walk().run(tmp_path), Walk()
    assert again.run(tmp_path) == history and not again.epochs


def test_it_stops_early_and_keeps_the_best(tmp_path):
    walk = Walk()
    history = walk.run(
        tmp_path,
        kept=walk.model,
        is_best=lambda history: len(history) == 1,
        stops_early=lambda history: len(history) == 2,
    )
    assert walk.epochs == [0, 1] and len(history) == 2
    best = small_network()
    Checkpoint(tmp_path, {}).load_best(best)
    assert not torch.equal(best[0].weight, walk.model[0].weight)


def test_the_callers_generator_is_left_alone(tmp_path):
    state = torch.get_rng_state()
    Walk().run(tmp_path)
    assert torch.equal(state, torch.get_rng_state())
