"""What it takes to refuse a bomb: seconds, and memory at its peak, each in a process of its own.

    python -m benchmarks.reliability.bombs

Bombs are those of tests/hostile_archives.py and tests/hazards.py that announce or hold far more than they are. Each is
looked at as `gansmith data check` does, with a decode process; the time is that of looking, without starting Python.
Writes bombs.json into benchmarks/results/.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from gansmith.system.machine import describe_machine
from tests.helpers import hazards, hostile_archives, small_images

RESULTS = Path(__file__).parents[1] / "results"
SECONDS, MIB = 5, 1500
"""What is promised for each bomb: less than what a decode process may take."""

BOMBS = ("bomb", "GB", "MB", "same bytes", "terabyte", "megabyte", "empty", "googol", "only announce", "256", "a lie")
"""Words in the names of the cases of tests/hostile_archives.py that are bombs."""

LOOK = """
import json, re, resource, sys, time
from pathlib import Path
from gansmith.data.check.report import check_source
from gansmith.data.sources import find_source
from gansmith.errors import DataError

def peak():  # not RUSAGE_SELF: it begins with the peak of the process that started this one
    own = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024

began = time.perf_counter()
try:
    with find_source(sys.argv[1]).open() as source:
        intake = check_source(source, workers=1)
    said = "; ".join(sorted({reason for one in intake.files if one.outcome == "dropped" for reason in one.reasons}))
except DataError as error:
    said = str(error)
print(json.dumps({"seconds": time.perf_counter() - began, "mib": peak(), "said": said.replace(sys.argv[1], "FILE")}))
"""


def bombs() -> dict[str, bytes]:
    found = {name: case.content for name, case in hostile_archives.CASES.items() if any(word in name for word in BOMBS)}
    found["png: 60,000 x 60,000 pixels"] = hazards.bomb(60_000, 60_000)
    found["png: just over the limit"] = hazards.bomb(13_400, 13_400)
    found["png: just under the limit, whole, of zeros"] = hazards.blank(13_300, 13_300)
    found["webp: 169 million pixels in 34 bytes"] = small_images.file(
        Image.new("RGB", (13_000, 13_000)), "WEBP", lossless=True, method=0
    )
    return found


def measured(content: bytes, folder: Path) -> dict[str, object]:
    is_image = content.startswith((b"\x89PNG\r", b"RIFF"))
    place = folder / ("bomb.png" if is_image else "bomb")
    place.write_bytes(content)
    path = folder if place.suffix else place
    out = subprocess.run([sys.executable, "-c", LOOK, str(path)], check=True, capture_output=True, text=True).stdout
    return {"bytes": len(content), **json.loads(out)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plain").mkdir()
        plain = measured(small_images.file(small_images.photo(64, 64)), Path(folder) / "plain")
        found = {}
        for number, (name, content) in enumerate(bombs().items()):
            place = Path(folder) / str(number)
            place.mkdir()
            found[name] = measured(content, place)
    worst = {key: max(one[key] for one in found.values()) for key in ("seconds", "mib")}
    kept = worst["seconds"] <= SECONDS and worst["mib"] <= MIB
    result = {"machine": describe_machine(), "promised": {"seconds": SECONDS, "mib": MIB}, "kept": kept, "worst": worst}
    RESULTS.mkdir(exist_ok=True)
    whole = result | {"plain image": plain, "bombs": found}
    (RESULTS / "bombs.json").write_text(json.dumps(whole, indent=1) + "\n")
    for name, one in found.items():
        sys.stdout.write(f"{name:<50} {one['seconds']:6.2f} s {one['mib']:5.0f} MiB  {one['said'][:90]}\n")
    sys.stdout.write(f"worst of {len(found)}: {worst['seconds']:.2f} s, {worst['mib']:.0f} MiB; promise kept: {kept}\n")


if __name__ == "__main__":
    main()
