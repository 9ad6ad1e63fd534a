"""A checkpoint belongs to one training, holds no code, and names the file that is damaged."""

import os
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from small import small_network, small_split, small_splits, weights_of

from utils import files
from utils.attacks.pgd import PGD
from utils.data.split import Split, Splits
from utils.training.checkpoints import Checkpoint, description, identity, short_name
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, ValidationScore

CONFIG = TrainConfig(epochs=2, batch_size=16, learning_rate=0.02, augment=False)
CHANGES = {
    "configuration": {"config": replace(CONFIG, learning_rate=0.01)},
    "loss": {"loss": CrossEntropy((1.0, 2.0, 1.0))},
    "score": {"score": ValidationScore(PGD())},
    "training data": {
        "splits": Splits(small_split(seed=9), small_splits().validation, small_splits().test)
    },
    "validation data": {
        "splits": Splits(small_splits().train, small_split(seed=9), small_splits().test)
    },
    "first weights": {"model": small_network(1)},
}


def test_the_name_of_a_training_is_the_one_that_older_checkpoints_have():
    assert short_name({"b": 2, "a": 1}) == "d8497d9d8277"


def facts(**changes) -> dict:
    plain = {"model": small_network(), "splits": small_splits(), "config": CONFIG}
    return identity(**{**plain, "loss": CrossEntropy(), "score": ValidationScore(), **changes})


@pytest.mark.parametrize("what", CHANGES)
def test_a_checkpoint_refuses_another(tmp_path, what):
    Checkpoint(tmp_path, facts()).verify_config()
    Checkpoint(tmp_path, facts()).verify_config()
    assert short_name(facts()) != short_name(facts(**CHANGES[what]))
    with pytest.raises(ValueError, match=f"another {what}"):
        Checkpoint(tmp_path, facts(**CHANGES[what])).verify_config()


def only_folder(tmp_path):
    train_or_load(small_network(), small_splits(), CONFIG, tmp_path)
    (folder,) = tmp_path.iterdir()
    return folder


def test_a_checkpoint_that_holds_code_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/executed",)

    folder = only_folder(tmp_path)
    (folder / "history.json").unlink()
    torch.save({"model": Hostile(), "history": []}, folder / "last.pt")
    with pytest.raises(ValueError, match="more than tensors"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("cut", [0, 1000])
def test_damaged_weights_are_named(tmp_path, cut):
    folder = only_folder(tmp_path)
    whole = (folder / "best.safetensors").read_bytes()
    (folder / "best.safetensors").write_bytes(whole[:cut])
    with pytest.raises(ValueError, match=r"best\.safetensors.*delete"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path)


@pytest.mark.parametrize("name", ["identity.json", "history.json"])
@pytest.mark.parametrize("content", [b"", b"\0\0\0", b'{"half": ', b'"text"', b"[3]"])
def test_damaged_facts_are_named(tmp_path, name, content):
    (only_folder(tmp_path) / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is damaged.*train anew"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path)


@pytest.mark.parametrize(
    "content", [{"model": 3, "optimizer": {}, "history": []}, {"epoch": 3}, torch.zeros(3)]
)
def test_a_state_of_something_else_is_named(tmp_path, content):
    folder = only_folder(tmp_path)
    (folder / "history.json").unlink()
    torch.save(content, folder / "last.pt")
    with pytest.raises(ValueError, match=r"last\.pt .*delete"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path)


def test_best_weights_of_another_network_are_named(tmp_path):
    folder = only_folder(tmp_path)
    save_file({"other": torch.zeros(3)}, folder / "best.safetensors")
    with pytest.raises(ValueError, match=r"best\.safetensors does not fit"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path)


def test_a_finished_training_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    folder = only_folder(tmp_path)
    before = sorted(folder.iterdir())
    (folder / "lock").unlink()
    monkeypatch.setattr(files.os, "access", lambda *_: False)  # as on a disk mounted for reading
    train_or_load(small_network(), small_splits(), CONFIG, tmp_path)
    assert sorted(folder.iterdir()) == [path for path in before if path.name != "lock"]


def test_what_is_saved_is_resumed(tmp_path):
    checkpoint, model = Checkpoint(tmp_path, {}), small_network()
    checkpoint.save({"model": model}, [{"epoch": 0}], best=model)
    other = small_network(1)
    assert checkpoint.resume({"model": other}) == [{"epoch": 0}]
    again = small_network(1)
    checkpoint.load_best(again)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
        assert torch.equal(value, again.state_dict()[name])
    checkpoint.finish([{"epoch": 0}])
    assert checkpoint.finished and not (tmp_path / "last.pt").exists()


def test_a_training_whose_best_weights_were_deleted_is_repeated(tmp_path):
    model, again = small_network(), small_network()
    history = train_or_load(model, small_splits(), CONFIG, tmp_path)
    [best] = tmp_path.rglob("best.safetensors")
    best.write_bytes(best.read_bytes()[:200])
    with pytest.raises(ValueError, match="delete it and run again"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path)
    best.unlink()
    repeated = train_or_load(again, small_splits(), CONFIG, tmp_path)
    assert torch.equal(weights_of(model), weights_of(again)) and len(repeated) == len(history)


@dataclass(frozen=True)
class Watched:
    seen: Split = field(repr=False)
    inner: ValidationScore = ValidationScore()


def plain(model, images, labels, epoch):
    return model(images).sum()


def test_a_description_is_the_settings_without_an_address():
    settings = "class_weights=(1.0, 2.0), label_smoothing=0.0"
    assert description(CrossEntropy((1.0, 2.0))) == f"CrossEntropy({settings})"
    assert description(plain).endswith(" plain")
    watched = description(Watched(small_split()))
    assert small_split().content_hash() in watched and watched != description(
        Watched(small_split(9))
    )


def test_a_function_that_keeps_settings_is_refused():
    weight = 2.0
    with pytest.raises(TypeError, match="make it a frozen dataclass"):
        description(lambda model, images, labels, epoch: weight * model(images).sum())
    assert description(partial(plain, epoch=1)) != description(partial(plain, epoch=2))
