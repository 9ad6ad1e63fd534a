"""A course of four notebooks that do nearly nothing, and the command that runs it."""

import os
import subprocess
import sys
import time

import nbformat.v4

from utils import HOME

NOTE = "open('../ran', 'a').write('{name} ')"  # leaves a trace of every execution
TOY = {
    "dataset/prepare_dataset": ["DATASETS = 'brain chest'  # or more\nSEED = 0"],
    "notebooks/resnet": ["EPOCHS = 2\nRATE = 0.1\nDATASET = 'brain'"],
    "notebooks/resnet_atk": ["EPSILONS = [2, 8]\nFAIL = False", "assert not FAIL, 'planted'"],
    "notebooks/results": ["SEED = 0"],
}


def write_notebook(root, name, parameters, *cells, screen=""):
    first = [nbformat.v4.new_markdown_cell(screen)] if screen else []
    tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    rest = [nbformat.v4.new_code_cell(source) for source in cells]
    path = root / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[*first, tagged, *rest]), path)


def first_screen(title, *needs, before="resnet", minutes=2):
    """What a chapter says of itself before anything else."""
    links = " and ".join(f"[{name}]({name}.ipynb)" for name in needs) or "nothing"
    cost = f"{minutes} minute{'s' * (minutes > 1)} on one CPU core"
    level = rf"*Level \*\* · {cost} · needs {links}*"
    ways = f"Before this: [{before}]({before}.ipynb) · Next: [x](x.ipynb) · Words: [g](README.md)"
    return f"# {title}\n\n{level}\n\n{ways}"


def write_course(root):
    for name, cells in TOY.items():
        screen = first_screen("ResNet under attack", "resnet") if name.endswith("_atk") else ""
        write_notebook(root, name, *cells, NOTE.format(name=name.split("/")[1]), screen=screen)
    (root / "env").mkdir()
    (root / "env/profiles.yaml").write_text("quick: {}\nfull:\n  resnet: {EPOCHS: 9}\n")


def start(root, *arguments):
    command = [sys.executable, "-m", "utils.course", "run", *arguments]
    environment = {**os.environ, "SECOND_LOOK_ROOT": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=HOME,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def course(root, *arguments):
    """Run it to its end: exit status, what it printed, what it executed."""
    (root / "ran").write_text("")
    process = start(root, *arguments)
    printed, _ = process.communicate(timeout=120)
    return process.returncode, printed, (root / "ran").read_text().split()


HOLD = """
import os, pathlib, time
pathlib.Path('../kernel').write_text(str(os.getpid()))
while pathlib.Path('../hold').exists(): time.sleep(0.1)
"""


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found
