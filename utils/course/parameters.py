"""What was typed for a run: parameters as NAME=value, refused before anything starts."""

import difflib
from collections.abc import Iterable, Mapping


def typed_parameters(texts: Iterable[str]) -> dict[str, str]:
    """Values by name; a folder of images means the one seen from here, where it was typed.

    A notebook runs in its own folder, and only after many seconds: it would look elsewhere, late.
    """
    typed = dict(map(_pair, texts))
    if "DATASET" in typed:
        typed["DATASET"] = _found("DATASET", typed["DATASET"])
    if "DATASETS" in typed:
        words = typed["DATASETS"].split() or [""]
        typed["DATASETS"] = " ".join(_one_word(_found("DATASETS", word, words)) for word in words)
    elif "DATASET" in typed:
        _one_word(typed["DATASET"])
    return typed


def with_prepared_datasets(typed: Mapping) -> Mapping:
    """Who names the data set of the chapters wants it prepared, unless told otherwise."""
    return {"DATASETS": typed["DATASET"], **typed} if "DATASET" in typed else typed


def refuse_unknown_parameters(
    typed: Iterable[str], known: Mapping[str, Iterable], running: set[str]
) -> None:
    """A parameter that no notebook of this run knows; `known` says what each one knows."""
    heard = {parameter for name in running for parameter in known[name]}
    heard |= {"DATASET"} if "DATASETS" in heard else set()
    for parameter in typed:
        knowing = [name for name in known if parameter in known[name]]
        if parameter not in heard and knowing:
            raise ValueError(
                f"no notebook of this run knows {parameter}; {', '.join(knowing)} would. "
                f"This run is {', '.join(name for name in known if name in running)}"
            )
    refuse_unknown("parameter", typed, heard)


def refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            folded = {one.casefold(): one for one in known}
            close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
            hint = f"did you mean {folded[close[0]]}?" if close else ""
            raise ValueError(
                f"unknown {what}: {name!r}; {hint or 'known are ' + ', '.join(sorted(known))}"
            )


def _pair(text: str) -> list[str]:
    if "=" not in text:
        raise ValueError(f"a parameter is written NAME=value, got {text!r}")
    return text.split("=", 1)


def _found(parameter: str, name: str, words: Iterable[str] = ()) -> str:
    """The name of a data set that there is; a folder with its whole path."""
    from utils.data.source import is_path, resolve_path  # here: torch takes seconds

    try:
        return f"folder:{resolve_path(name)}" if is_path(name) else name
    except (ValueError, FileNotFoundError) as error:
        hint = " (spaces separate data sets in DATASETS)" if len(list(words)) > 1 else ""
        raise ValueError(f"{parameter}: {error}{hint}") from None


def _one_word(name: str) -> str:
    if len(name.split()) > 1:
        raise ValueError(
            f"DATASETS: spaces separate data sets, and {name!r} holds one; "
            "rename the folder, or give a link to it that has none"
        )
    return name
