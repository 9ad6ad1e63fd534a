"""The arguments of `second-look examine` and `compare`, what they print, and their exit codes."""

import argparse
import shutil
import sys
import traceback
from pathlib import Path

from utils.audit.command_line import NOT_DONE, escaped, printable

SUMMARY = "ask a trained model, before it is used, how far it can be trusted"
EXAMPLES = """examples:
  {prog} model.py:make_model --weights net.pt --data /data/test
  {prog} net.ts --data /data/test.csv --train /data/train --out report
  {prog} net.onnx --data /data/test --size 224 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225

A Python file is your own code and is run; weights are only read. Nothing is downloaded or sent.
Exit codes: 0 nothing above a note, 1 warnings, 2 alarms, 3 not examined, 130 stopped. A question
that could not be answered counts as a warning. Started again, a stopped examination goes on."""
COMPARE_SUMMARY = "compare two reports on the same images"
COMPARE_EXAMPLES = """examples:
  {prog} report_before report_after"""
KEPT = "unfinished"  # the folder, inside that of the report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="FILE.py:NAME, TorchScript, torch.export or ONNX file")
    add("--weights", help="a state_dict (.pt, .pth, .safetensors) for a model of Python code")
    add("--data", required=True, help="folder of class folders, .csv table, or a data set's name")
    add("--train", help="the images of the training, in the same forms: is the test known?")
    add("--out", default="report", help="folder of the report; by default report/")
    add("--size", type=int, default=64, help="pixels, width and height, that the model wants")
    add("--classes", default="", help="file or comma list: all classes in the model's order")
    add("--white", type=float, default=1.0, help="value of a white pixel: 1 or 255")
    add("--mean", type=_numbers, default=(0.0,), help="subtracted, such as 0.5 or 0.4,0.4,0.4")
    add("--std", type=_numbers, default=(1.0,), help="divided by, in the same form")
    add("--inverted", action="store_true", help="the model wants black where the image is white")
    add(
        "--activation",
        default="",
        help="softmax or sigmoid: what its numbers are meant for, or "
        "went through, where they alone cannot tell",
    )
    add("--modality", default="", help="xray, mri or photograph: which corruptions occur?")
    add("--resizer", default="", help="shrinks files before the model, as 'opencv bilinear'")
    add("--minutes", type=float, default=5.0, help="the budget; what is left out is named")
    add("--epsilon", type=float, default=4, help="largest change of an attack, of 255 grey levels")
    add("--root", help="where the data sets of the course lie")


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"numbers with commas between, got {text!r}") from None


def examine_and_print(model: str, data: str, **options) -> int:
    """Examine, print the summary, write the report; the exit code, 3 if nothing was examined."""
    print(f"second-look: examining {model!a}", file=sys.stderr, flush=True)
    try:
        report, page = _examined(model, data, **options)
        sys.stdout.reconfigure(errors="backslashreplace")
        print(escaped(report.summary(shutil.get_terminal_size().columns)))
        print(f"Report      {page}  (contains images)", flush=True)
        return report.exit_code
    except (ValueError, OSError, RuntimeError) as error:
        print(f"second-look: not examined: {printable(error)}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    return NOT_DONE


def _examined(
    model: str, data: str, weights, train, out, size, classes, white, mean, std, inverted, modality,
    resizer, minutes, epsilon, root, activation,
):  # fmt: skip
    from utils.examine.adapter import Expects  # here: --help needs no torch
    from utils.examine.examination import examine
    from utils.examine.images import read_examined, read_known
    from utils.examine.model_files import read_model
    from utils.files import only_for_owner, private_folder

    expects = Expects(white, mean, std, inverted)
    loaded = read_model(model, weights)
    found = read_examined(data, size, classes, root)
    known = read_known(train, data, found.split, size, classes, root) if train else None
    of_part = f"{data} (part {found.part!r})" if found.part else str(data)
    private_folder(Path(out))
    with only_for_owner():
        report = examine(
            loaded, found.split, known, expects, found.columns, minutes, epsilon / 255,
            Path(out) / KEPT, modality=modality, names=(Path(model).name, of_part), resizer=resizer,
            activation=activation, unread=found.unread,
        )  # fmt: skip
    page = report.save(out)
    shutil.rmtree(Path(out) / KEPT, ignore_errors=True)
    return report, page


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", help="folder of a report")
    parser.add_argument("new", help="folder of another report on the same images")


def compare_and_print(old: str, new: str) -> int:
    from utils.examine.reporting.comparison import compare_reports

    print(compare_reports(old, new).to_string())
    return 0
