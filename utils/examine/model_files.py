"""A model from a file: Python code with weights, TorchScript, an exported program, or ONNX.

Weights are data: a file that holds more than tensors is refused. A Python file is code of the
user's own; it is run.
"""

import importlib.util
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

import torch
from torch import nn

from utils.backbones.weights import refuse_other_kinds
from utils.examine.onnx_model.reading import read_onnx
from utils.examine.opaque import Opaque
from utils.files import read_tensors

FORMS = "model.py:make_model, net.ts (TorchScript), net.pt2 (torch.export) or net.onnx"
ARCHIVE = b"PK"  # the first letters of a file of torch
NESTED = ("state_dict", "model_state_dict", "model")  # where checkpoints keep their weights
PARALLEL = "module."  # what torch.nn.DataParallel puts before each name


def read_model(place: str | Path, weights: str | Path | None = None) -> nn.Module:
    """The model at FILE.py:NAME, with its weights; or the one in a file that needs no code."""
    text = str(place)
    if ".py:" in text:
        file, _, name = text.rpartition(":")
        return _from_code(Path(file), name, weights)
    path = Path(place)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; give {FORMS}")
    if path.suffix == ".py":
        raise ValueError(f"{path} may define several models; name one: {path}:make_model")
    if weights:
        raise ValueError(f"{path} brings its own weights; --weights is for a model of Python code")
    return _READERS[_kind_of(path)](path)


def as_module(model: object) -> nn.Module:
    """Anything that answers images, as a module: a network, a classifier, a function.

    A classifier with `predict_proba` gets each image as one row of numbers.
    """
    if isinstance(model, nn.Module):
        return model
    if hasattr(model, "predict_proba"):
        return Opaque(lambda images: model.predict_proba(images.flatten(1).cpu().numpy()))
    if callable(model):
        return Opaque(model)
    kind = type(model).__name__
    raise ValueError(f"a {kind} answers no images; give a torch module, a function from images to "
                     "logits, or an object with predict_proba")  # fmt: skip


def _from_code(file: Path, name: str, weights: str | Path | None) -> nn.Module:
    if not file.is_file():
        raise FileNotFoundError(f"{file} is no file; give {FORMS}")
    with _importable(file.parent):
        made = getattr(code := _run(file), name, None)
        if made is None:
            known = ", ".join(key for key in vars(code) if not key.startswith("_"))
            raise ValueError(f"{file} defines no {name!r}; it defines {known or 'nothing'}")
        with _own_errors(file):
            model = made if isinstance(made, nn.Module) or not callable(made) else made()
    module = as_module(model)
    if weights:
        load_weights(module, Path(weights))
    return module.eval()


def _run(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"examined_{file.stem}", file)
    code = importlib.util.module_from_spec(spec)
    with _own_errors(file):
        spec.loader.exec_module(code)
    return code


@contextmanager
def _own_errors(file: Path) -> Iterator[None]:
    """Errors of a user's own code, in one line that says where."""
    try:
        yield
    except ImportError as error:
        raise ValueError(
            f"{file} cannot be imported ({error}). Install what it needs. A folder `utils` of its "
            "own is hidden by the package of that name here: save the model as TorchScript instead"
        ) from error
    except Exception as error:
        last = extract_tb(error.__traceback__)[-1]
        place = "" if isinstance(error, SyntaxError) else f" in {last.filename}, line {last.lineno}"
        raise ValueError(
            f"{file} stops with an error of its own: {type(error).__name__}: {error}{place}"
        ) from error


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Files beside the model's can be imported, as if Python had been started there."""
    sys.path.insert(0, place := str(folder.absolute()))
    try:
        yield
    finally:
        sys.path.remove(place)


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a file into the module; every name and every shape must fit."""
    state = read_tensors(path)
    for key in NESTED:
        state = (
            state[key] if isinstance(state, dict) and isinstance(state.get(key), dict) else state
        )
    if not isinstance(state, dict) or not state:
        raise ValueError(f"{path} holds no weights by name; save the state_dict of the model")
    state = {name.removeprefix(PARALLEL): value for name, value in state.items()}
    wanted = module.state_dict()
    missing, unknown = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    if missing or unknown:
        which = f"lacks {missing[0]}" if missing else f"has {unknown[0]}, which the model has not"
        raise ValueError(
            f"{path} does not fit the model: it {which} ({len(missing)} names are missing, "
            f"{len(unknown)} are unknown)"
        )
    if other := [name for name in wanted if wanted[name].shape != state[name].shape]:
        shapes = " and ".join(str(tuple(side[other[0]].shape)) for side in (state, wanted))
        raise ValueError(f"{path} does not fit the model: {other[0]} has the shapes {shapes}")
    refuse_other_kinds(path, state, wanted)
    module.load_state_dict(state)


def _kind_of(path: Path) -> str:
    """By what the file holds; of ONNX, which has no mark of its own, by its name."""
    if path.suffix.lower() == ".onnx":
        return "ONNX"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            _refuse_damage(path, archive)
        if any("/code/" in name for name in names):
            return "TorchScript"
        if any("serialized_exported_program" in name or "/models/" in name for name in names):
            return "exported program"
    elif path.read_bytes()[:2] in (ARCHIVE, b""):
        raise ValueError(f"{path} is empty or cut short; copy it again")
    advice = "weights alone are no model: give model.py:make_model and these as --weights"
    raise ValueError(f"{path} is no TorchScript, exported program or ONNX file; {advice}")


def _refuse_damage(path: Path, archive: zipfile.ZipFile) -> None:
    """Every part has a checksum; torch reads on where one is wrong."""
    try:
        damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error) as error:
        damaged = str(error)
    if damaged:
        raise ValueError(f"{path} is damaged ({damaged}); copy it again from where it was made")


def _torchscript(path: Path) -> nn.Module:
    return torch.jit.load(path, map_location="cpu").eval()


def _exported(path: Path) -> nn.Module:
    """Its batch may be as long as the example that it was made with, and is as precise."""
    program = torch.export.load(path)
    inputs = [node for node in program.graph.nodes if node.op == "placeholder"]
    example = inputs[-1].meta["val"]
    batch = example.shape[0]
    return Opaque(program.module(), batch if isinstance(batch, int) else 0, example.dtype)


_READERS = {"TorchScript": _torchscript, "exported program": _exported, "ONNX": read_onnx}
