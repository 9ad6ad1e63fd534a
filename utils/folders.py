"""Where the course lies, and where its runs write."""

import os
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]  # this code
ROOT = Path(os.environ.get("SECOND_LOOK_ROOT", HOME)).resolve()  # notebooks, assets, checkpoints
ALIAS = "folder:"  # of your own images: folder:PATH is the same as PATH
