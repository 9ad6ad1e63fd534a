"""How many images of each kind are drawn in a second of one core.

make bench
"""

import pandas as pd
from side_by_side import in_turn, keep, run

from utils.data.phantoms import PHANTOMS, draw

SIZE, ROUNDS = 64, 1


def drawing_table() -> pd.DataFrame:
    ways = {name: lambda _, name=name: len(draw(name, size=SIZE)) for name in PHANTOMS}
    table = pd.DataFrame(
        {"phantom": name, "images": cost.found[0], "a second": round(cost.found[0] / cost.least)}
        for name, cost in in_turn(ways, ROUNDS).items()
    )
    keep("drawing", "Drawn images", f"Images of {SIZE} pixels, with all that is cached.", table)
    return table


if __name__ == "__main__":
    run({"drawing": drawing_table})
