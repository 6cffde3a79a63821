"""How long `nurture demo` takes: `python benchmarks/demo.py`.

The real command as a process of its own, in a temporary folder: its time on the wall, the CPU it used, and
what both are for one message and for one day of virtual time.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from nurture.cli import main; main()", "demo", "--json"]


def main() -> None:
    """Run the demo once and print."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as folder:
        start = time.perf_counter()
        done = subprocess.run(
            COMMAND, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, timeout=900,
        )  # fmt: skip
        wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    results = json.loads(done.stdout)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    sent, days = results["touches_sent"], results["days"]
    print(f"{results['prospects']} people, {days} days, {sent:,} messages")
    print(f"{'wall':8}{wall:7.1f} s{wall / sent * 1000:8.1f} ms a message{wall / days:7.2f} s a day")
    cpu = user + system
    print(
        f"{'CPU':8}{cpu:7.1f} s{cpu / sent * 1000:8.1f} ms a message   ({user:.1f} user, {system:.1f} system)"
    )


if __name__ == "__main__":
    main()
