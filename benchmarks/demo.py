"""`gansmith train demo` as a user runs it: how long it trains, how much memory it takes, what it draws.

    python benchmarks/demo.py

Writes demo.json, demo.png, demo-evolution.png and demo-curves.png into benchmarks/results/.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from classic_runs import RESULTS, keep

from gansmith.runs import list_runs


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "gansmith", "train", "demo", "--runs", folder], check=True)
        seconds = time.monotonic() - began
        keep(list_runs(Path(folder))[0], note="")
    file = RESULTS / "demo.json"
    result = json.loads(file.read_text())
    result |= {
        "command_seconds": round(seconds, 1),
        "peak_resident_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
    file.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
