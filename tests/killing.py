"""Kill processes that save, again and again, and look at what they left: a script.

``python -m tests.killing FOLDER KILLS`` prints, as JSON, how many files were found ``whole`` and
``broken``, and how many of the kills left a ``stray`` file: they hit between its creation and its
move. With ``--plain``, the processes write as `pathlib.Path.write_bytes` does, which is not whole.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import microtensor as mt
from microtensor.errors import FileFormatError

NUMBERS = 200_000


def state(number: int) -> dict[str, Any]:
    """Return a checkpoint of which every part tells the number."""
    return {
        "model": {f"{i}.weight": np.full(NUMBERS + i, number, np.float32) for i in range(3)},
        "epoch": number,
    }


def number_of(path: Path) -> int | None:
    """Return the number of the checkpoint in a file, or ``None`` if it is not a whole one."""
    try:
        loaded = mt.load(path)
    except FileFormatError:
        return None
    number = loaded["epoch"]
    expected = state(number)["model"]
    same = loaded["model"].keys() == expected.keys() and all(
        np.array_equal(loaded["model"][name], expected[name]) for name in expected
    )
    return number if same else None


def save_forever(path: Path, number: int, whole: bool) -> NoReturn:
    """Save one checkpoint after the other until killed."""
    states = [state(number + i) for i in range(2)]
    data = mt.save(path, states[0]).read_bytes()
    while True:
        if whole:
            mt.save(path, states[0])
        else:
            path.write_bytes(data)
        states.reverse()


def kill_often(folder: Path, kills: int, whole: bool) -> dict[str, int]:
    """Start a process that saves, kill it at a random moment, look; ``kills`` times."""
    path = folder / "checkpoint.safetensors"
    mt.save(path, state(0))
    counts = {"whole": 0, "broken": 0, "stray": 0, "most_strays": 0, "changed": 0}
    number = 0
    for i in range(kills):
        child = os.fork()
        if not child:
            save_forever(path, 2 * i, whole)
        time.sleep(random.uniform(0.005, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = number_of(path)
        counts["broken" if found is None else "whole"] += 1
        counts["changed"] += found != number
        number = found if found is not None else -1
        strays = len(list(folder.iterdir())) - 1
        counts["stray"] += strays > 0
        counts["most_strays"] = max(strays, counts["most_strays"])
        if not whole and found is None:
            break
    mt.save(path, state(0))
    counts["left"] = len(list(folder.iterdir())) - 1
    return counts


if __name__ == "__main__":
    folder, kills, *options = sys.argv[1:]
    print(json.dumps(kill_often(Path(folder), int(kills), whole="--plain" not in options)))
