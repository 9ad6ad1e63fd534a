"""Files that are written whole or not at all, and reading that runs no code."""

import errno
import hashlib
import hmac
import json
import os
import pickle
import secrets
import shutil
import socket
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock
from PIL import Image

FULL = 2**16  # bytes: with less than this left, a disk is full
FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_WORDS = {*map(os.strerror, FULL_ERRORS), "unexpected pos"}  # the last are those of torch
SCRATCH = "second-look-"
KEY_BYTES = 32
ABANDONED = 3600  # seconds since the last write of a file that a process elsewhere has begun


@contextmanager
def atomic_write(path: Path):
    """A temporary name to write to, renamed at the end: a reader never sees half a file.

    What killed processes have left unfinished in the folder is removed on the way.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    unfinished = unfinished_name(path)
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())  # or a power cut may leave the new name with no content
        os.replace(unfinished, path)
    except Exception as error:
        if _is_full(error, path.parent):
            reason = f"the disk is full, so {path} was not written; make space and run again"
            raise OSError(errno.ENOSPC, reason) from error
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def unfinished_name(path: Path, state: str = "part") -> Path:
    """Where this process keeps what is to take the place of a file."""
    return path.with_name(f".{path.name}.{_machine()}.{os.getpid()}.{state}")


def remove_abandoned(folder: Path) -> None:
    """Remove unfinished files whose process has ended; of another machine's, the old ones."""
    for path in (*folder.glob(".*.part"), *folder.glob(".*.new")):
        machine, process = path.name.rsplit(".", 3)[-3:-1]
        with suppress(OSError):  # another process was quicker
            here = machine == _machine() and process.isdecimal()
            ended = here and not psutil.pid_exists(int(process))
            if ended or time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


@contextmanager
def locked(folder: Path, name: str = "lock"):
    """The folder for one process at a time; a killed holder leaves it free.

    A folder in which this process may not write is only read, and needs no lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        yield
        return
    with FileLock(folder / name):
        yield


@contextmanager
def scratch_folder():
    """A temporary folder; those of killed processes are removed on the way."""
    places = Path(tempfile.gettempdir())
    for left in places.glob(f"{SCRATCH}{_machine()}.*"):
        process = left.name.split(".")[-2]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)  # another user's stays
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{_machine()}.{os.getpid()}.") as place:
        yield Path(place)


def private_folder(folder: Path) -> Path:
    """A folder that only its owner may open and git ignores, for copies of patients' pictures.

    One that was there before stays as it is: it may be the root of a repository.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
    return folder


@contextmanager
def only_for_owner():
    """Files that are made meanwhile are their owner's alone, whatever folder they are in."""
    with ExitStack() as after:
        after.callback(os.umask, os.umask(0o077))
        yield


def close_to_others(folder: Path) -> None:
    """Make the folder if needed, for its owner alone; a read-only one, or another's, stays."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        with suppress(OSError):
            folder.chmod(0o700)


def secret_key(path: Path | None) -> bytes:
    """Random bytes, drawn once and kept in a file that only its owner may read.

    Without a path, or where nothing may be written, they last as long as the caller keeps them.
    """
    if path is None:
        return secrets.token_bytes(KEY_BYTES)
    with locked(path.parent, f".{path.name}.lock"):
        key = path.read_bytes() if path.exists() else b""
        if len(key) == KEY_BYTES:
            return key
        key = secrets.token_bytes(KEY_BYTES)
        if os.access(path.parent, os.W_OK):
            with atomic_write(path) as unfinished:
                unfinished.touch(mode=0o600)
                unfinished.write_bytes(key)
        return key


def write_json(path: Path, facts) -> None:
    """Facts as JSON; what JSON has no type for becomes text."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


def digest(*parts) -> str:
    """The SHA-256 of bytes or arrays, one after the other."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


def short_digest(*parts) -> str:
    """Sixteen letters that change with any of these values; names of files may hold any bytes."""
    return digest("\n".join(map(str, parts)).encode("utf-8", "surrogateescape"))[:16]


def keyed_digest(key: bytes, text: str) -> str:
    """Sixteen letters for a text that, without the key, trying all texts does not reveal."""
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()[:16]


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_digest(facts) -> str:
    """The SHA-256 of facts as JSON; their order in a dictionary does not count."""
    return digest(json.dumps(facts, sort_keys=True).encode())


def read_tensors(path: Path, mmap: bool = False) -> dict:
    """Tensors and plain values by name; refuses a damaged file, or one with code in it."""
    import torch  # here: it takes seconds, and few files hold tensors
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        reason = "holds more than tensors and plain values, and was not opened"
        raise ValueError(f"{path} {reason}; delete it unless you know where it is from") from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch: cut short
            raise
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from error


def read_json(path: Path, advice: str = "delete it and run again"):
    """Facts that were written as JSON; a damaged file is named, with what to do about it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); {advice}") from error


def to_pillow(image) -> Image.Image:
    """A tensor (channels, height, width), uint8, as a picture that Pillow can save."""
    levels = image.cpu().permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)


def _machine() -> str:
    return socket.gethostname().replace(".", "-")  # dots divide the name of an unfinished file


def _is_full(error: Exception, folder: Path) -> bool:
    """Whether writing failed for want of space; each library has words of its own for it."""
    if isinstance(error, OSError):
        return error.errno in FULL_ERRORS
    in_words = any(words in str(error) for words in FULL_WORDS)
    return in_words or shutil.disk_usage(folder).free < FULL
