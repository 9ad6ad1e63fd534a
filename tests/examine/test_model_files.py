"""Models from files: the same answers as before, and refusals that say what to do."""

import pickle
import sys
from copy import deepcopy
from io import BytesIO
from zipfile import ZipFile

import pytest
import torch
from small import small_network

from utils.data.split import to_float
from utils.evaluation.inference import predict
from utils.examine.adapter import Expects, adapt
from utils.examine.model_files import as_module, load_weights, read_model
from utils.examine.sections.interface import ask_interface
from utils.examine.subject import Subject

CODE = """
import torch
from torch import nn
from beside import width

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(256, width), nn.ReLU(), nn.Linear(width, 3))

number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "beside", raising=False)  # of another test's folder
    (tmp_path / "model.py").write_text(CODE)
    (tmp_path / "beside.py").write_text("width = 5\n")
    return tmp_path


def test_code_with_its_neighbours_and_weights_answers_as_before(folder, images):
    place = f"{folder}/model.py:make"
    first = read_model(place)
    torch.save(
        {"model": {f"module.{n}": v for n, v in first.state_dict().items()}}, folder / "w.pt"
    )
    again, pixels = read_model(place, folder / "w.pt"), to_float(images.images[:5])
    assert torch.equal(first(pixels), again(pixels)) and not again.training


def torchscript(network, path, example):
    torch.jit.trace(network, example).save(path)


def exported(network, path, example):
    torch.export.save(torch.export.export(network, (example,)), path)


@pytest.mark.parametrize(("save", "name"), [(torchscript, "net.ts"), (exported, "net.pt2")])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_files_without_code_answer_as_before(save, name, count, network, images, tmp_path):
    pixels = to_float(images.images[:5])
    save(network, tmp_path / name, pixels[:2])
    model = read_model(tmp_path / name)
    with torch.no_grad():
        assert torch.allclose(model(pixels[:count]), network(pixels[:count]), atol=1e-5)


def cut_short(raw):
    return raw[: len(raw) // 2]


def flipped(raw):
    """One bit of what is stored last but the list of contents: a weight, or a version."""
    with ZipFile(BytesIO(raw)) as archive:
        last = archive.infolist()[-1]
    place = last.header_offset + 30 + len(last.filename)  # behind the header of the part
    place += int.from_bytes(raw[last.header_offset + 28 : last.header_offset + 30], "little")
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


@pytest.mark.parametrize(("save", "name"), [(torchscript, "net.ts"), (exported, "net.pt2")])
@pytest.mark.parametrize("damage", [cut_short, flipped, lambda raw: b""])
def test_damaged_files_are_refused(save, name, damage, network, images, tmp_path):
    path = tmp_path / name
    save(network, path, to_float(images.images[:2]))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged|empty or cut short"):
        read_model(path)


@pytest.mark.parametrize("precision", [torch.float64, torch.float16])
@pytest.mark.parametrize(("save", "name"), [(torchscript, "net.ts"), (exported, "net.pt2")])
def test_files_of_another_precision_are_examined(save, name, precision, network, images, tmp_path):
    own = deepcopy(network).to(precision)
    save(own, tmp_path / name, to_float(images.images[:2]).to(precision))
    model = adapt(read_model(tmp_path / name), images, Expects())
    found, expected = (predict(each, images).probabilities for each in (model, network))
    assert abs(found - expected).max() < 0.02
    name_in_words = str(precision).removeprefix("torch.")
    assert name_in_words in ask_interface(Subject(model, images)).measured


REFUSED = [
    ("nothing.ts", None, "is no file"),
    ("model.py", None, "name one"),
    ("model.py:other", None, "it defines torch, nn, width, make, number"),
    ("model.py:number", None, "answers no images"),
    ("weights.pt", None, "weights alone are no model"),
    ("model.py:make", "other.pt", "lacks 1.bias"),
    ("model.py:make", "shapes.pt", r"shapes \(4, 256\) and \(5, 256\)"),
    ("model.py:make", "code.pt", "holds more than tensors"),
    ("model.py:make", "text.pt", "damaged|holds more than tensors"),
]


@pytest.mark.parametrize(("place", "weights", "why"), REFUSED)
def test_what_cannot_be_examined_is_refused_with_advice(place, weights, why, folder):
    state = read_model(f"{folder}/model.py:make").state_dict()
    torch.save(state, folder / "weights.pt")
    torch.save({"1.weight": state["1.weight"]}, folder / "other.pt")
    torch.save(state | {"1.weight": torch.zeros(4, 256)}, folder / "shapes.pt")
    torch.save({"run": pickle.Pickler}, folder / "code.pt")
    (folder / "text.pt").write_text("no weights")
    with pytest.raises((ValueError, OSError), match=why):
        read_model(f"{folder}/{place}", weights and folder / weights)


def test_missing_packages_are_named(folder):
    (folder / "beside.py").write_text("import no_such_package\n")
    with pytest.raises(ValueError, match="no_such_package"):
        read_model(f"{folder}/model.py:make")


class Sums:
    """As scikit-learn's classifiers: a row of numbers per image in, probabilities out."""

    def predict_proba(self, rows):
        bright = rows.mean(1)
        return torch.stack([1 - torch.as_tensor(bright), torch.as_tensor(bright)], 1).numpy()


def test_other_objects_become_modules(images):
    pixels = to_float(images.images[:4])
    assert as_module(Sums())(pixels).shape == (4, 2)
    assert as_module(lambda batch: {"logits": batch.mean((2, 3))})(pixels).shape == (4, 1)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(small_network(classes=4).state_dict(), tmp_path / "w.pt")
    with pytest.raises(ValueError, match="does not fit"):
        load_weights(small_network(), tmp_path / "w.pt")


@pytest.mark.parametrize("kind", [torch.int8, torch.bool, torch.complex64])
def test_weights_of_another_kind_are_refused(kind, tmp_path):
    state = small_network().state_dict()
    state["0.weight"] = state["0.weight"].to(kind)
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(
        ValueError, match=r"w\.pt: 0\.weight holds .* the network has torch\.float32"
    ):
        load_weights(small_network(), tmp_path / "w.pt")


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_weights_of_another_precision_are_taken(kind, tmp_path):
    state = {name: value.to(kind) for name, value in small_network().state_dict().items()}
    torch.save(state, tmp_path / "w.pt")
    load_weights(network := small_network(), tmp_path / "w.pt")
    assert torch.equal(network.state_dict()["0.weight"], state["0.weight"].float())


OWN_ERRORS = {
    "def make(:": "SyntaxError",
    "def make():\n    return {}['weights']": r"KeyError: 'weights' in .*model\.py, line 2",
    "import torch\ntorch.zeros(2) @ torch.zeros(3)": r"RuntimeError.*line 2",
}


@pytest.mark.parametrize("code", OWN_ERRORS)
def test_an_error_in_the_code_of_a_model_is_said_in_one_line(code, folder):
    (folder / "model.py").write_text(code)
    with pytest.raises(ValueError, match=f"error of its own: {OWN_ERRORS[code]}"):
        read_model(f"{folder}/model.py:make")
