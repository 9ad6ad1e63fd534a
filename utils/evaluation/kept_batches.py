"""Attacked batches of an evaluation that was stopped: kept until the run has its record."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from inspect import isfunction
from pathlib import Path

import torch
from torch import Tensor, nn

from utils import HOME
from utils.files import atomic_write, digest, read_tensors


class KeptBatches:
    """The logits of each batch in a file of its own, with the random state that comes after it.

    A file is found by all that decides about the batch: code, attack, networks, pixels, labels
    and the random state before it. So stopped and resumed equals never stopped, and a changed
    setting finds nothing. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, *about):
        self.folder = folder and Path(folder)
        self.about = in_full((torch.__version__, _code(), about)).encode() if folder else b""

    def get(self, images: Tensor, labels: Tensor, compute: Callable[[], Tensor]) -> Tensor:
        """The logits of the batch, kept before or computed now."""
        if self.folder is None:
            return compute()
        state = _random_state()
        key = digest(self.about, in_full((images, labels, state)).encode())
        path = self.folder / f"{key[:32]}.pt"
        with suppress(Exception):  # there is none, or it is damaged, in one of many ways
            kept = read_tensors(path)
            _set_random_state(kept.get("after"))
            return kept["logits"]
        _set_random_state(state)
        logits = compute()
        with suppress(FileNotFoundError), atomic_write(path) as unfinished:
            torch.save({"logits": logits, "after": _random_state()}, unfinished)
        return logits


def kept_tensor(
    folder: Path | None,
    images: Tensor,
    labels: Tensor,
    compute: Callable[[], Tensor],
    seed: int,
    *about,
) -> Tensor:
    """What a stopped run has computed from these images is not computed again.

    It draws its random numbers from the seed, whatever the caller drew before.
    """
    with torch.random.fork_rng():  # what is kept is found by the random state, too
        torch.manual_seed(seed)
        return KeptBatches(folder, seed, *about).get(images, labels, compute)


def in_full(value) -> str:
    """All of a value as text; the repr of a tensor or a network would leave numbers out.

    A function that uses variables of the function around it has an address: it is another one
    in each process, because they may have changed.
    """
    if isinstance(value, Tensor):
        numbers = value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        return f"{value.dtype} {tuple(value.shape)} {digest(numbers)}"
    if isinstance(value, nn.Module):
        plain = [{k: v for k, v in vars(m).items() if k[0] != "_"} for m in value.modules()]
        return in_full((repr(value), plain, value.state_dict()))
    if is_dataclass(value) and not isinstance(value, type):
        return in_full((type(value), {f.name: getattr(value, f.name) for f in fields(value)}))
    if isinstance(value, dict):
        return in_full(tuple(value.items()))
    if isinstance(value, tuple | list):
        return f"({', '.join(map(in_full, value))})"
    if isfunction(value) and not value.__closure__:
        return f"{value.__module__} {value.__qualname__}"
    return repr(value)


@cache
def _code() -> str:
    """A digest of the code that may take part."""
    return digest(*(path.read_bytes() for path in sorted(HOME.glob("utils/**/*.py"))))


def _random_state() -> dict[str, list[Tensor]]:
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": [torch.get_rng_state()], "cuda": gpus}


def _set_random_state(state: dict[str, list[Tensor]]) -> None:
    torch.set_rng_state(state["cpu"][0])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
