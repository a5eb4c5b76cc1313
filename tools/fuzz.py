"""./dev fuzz [NAME...]: feeds the parsers with inputs that libFuzzer makes, and keeps those that break them.

Each program thalweg/FOLDER/x_fuzz.cc is FOLDER_x here. It sets out from seeds that it makes itself, from what earlier runs
in build/fuzz found worth keeping, and from tests/fuzz/corpus/NAME: inputs that once broke something, committed with the fix.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import pathlib
import random
import re
import shutil
import subprocess
import sys

from tools.check.tree import Tree
from tools.tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 20
JOBS = 2
INPUT_SECONDS_MAX = 20
INPUT_BYTES_MAX = 16 << 10
MEMORY_MIB_MAX = 1500
# Beyond the time given: what loading the corpus and one slow input may take.
GRACE_SECONDS = 180
OUTPUT_LINES_SHOWN = 60


@dataclasses.dataclass(frozen=True)
class Places:
    """Where one program's inputs lie."""

    seeds: pathlib.Path  # made anew by the program
    kept: pathlib.Path  # what earlier runs found worth keeping
    corpus: pathlib.Path  # committed
    found: pathlib.Path  # what broke it, this time

    @classmethod
    def of(cls, name: str, root: pathlib.Path = ROOT) -> Places:
        work = root / "build/fuzz/inputs" / name
        return cls(work / "seeds", work / "kept", root / "tests/fuzz/corpus" / name, work / "found")

    def make(self) -> None:
        for folder in (self.seeds, self.found):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.seeds, self.kept, self.found):
            folder.mkdir(parents=True, exist_ok=True)


@dataclasses.dataclass(frozen=True)
class Outcome:
    name: str
    passed: bool
    what: str  # one line
    output: str = ""


def program_names(tree: Tree) -> list[str]:
    """FOLDER_x for each thalweg/FOLDER/x_fuzz.cc."""
    paths = [pathlib.PurePath(name) for name in tree.cpp_files("thalweg/") if name.endswith("_fuzz.cc")]
    return [f"{path.parts[1]}_{path.name.removesuffix('_fuzz.cc')}" for path in paths]


def feed(name: str, program: pathlib.Path, places: Places, seconds: int, seed: int) -> Outcome:
    """Runs one program. What breaks it goes to its folder of the committed corpus too."""
    places.make()
    made = subprocess.run([program, f"--seeds={places.seeds}"], capture_output=True, text=True, check=False)
    seed_count = len(list(places.seeds.iterdir()))
    if made.returncode != 0 or seed_count == 0:
        return Outcome(name, False, "it makes no seeds", made.stdout + made.stderr)
    corpus = [places.corpus] if places.corpus.is_dir() else []
    command = [
        str(program), f"-seed={seed}", f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS_MAX}",
        f"-max_len={INPUT_BYTES_MAX}", f"-rss_limit_mb={MEMORY_MIB_MAX}", "-print_final_stats=1",
        f"-artifact_prefix={places.found}/", str(places.kept), str(places.seeds), *map(str, corpus),
    ]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds + GRACE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        return Outcome(name, False, f"it did not end within {error.timeout:.0f} s")
    return judge(name, run.returncode, run.stderr, places, seed_count)


def judge(name: str, code: int, output: str, places: Places, seed_count: int) -> Outcome:
    found = sorted(path for path in places.found.iterdir() if not path.name.startswith("slow-unit"))
    for path in found:
        places.corpus.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, places.corpus / path.name)
    executed = int(stat[1]) if (stat := re.search(r"stat::number_of_executed_units: (\d+)", output)) else 0
    if found:
        return Outcome(name, False, f"broken by {places.corpus / found[0].name}; commit it with the fix", output)
    if code != 0:
        return Outcome(name, False, f"it ended with code {code}", output)
    if executed <= seed_count:
        return Outcome(name, False, f"only {executed} inputs were tried, of {seed_count} seeds", output)
    reach = re.search(r"DONE\s+cov: (\d+)", output)
    return Outcome(name, True, f"{executed} inputs, {reach[1] if reach else '?'} edges")


def run(names: list[str], seconds: int, seed: int, build: pathlib.Path) -> Tally:
    """Runs the programs, JOBS at a time, and prints what came of it."""
    print(f"fuzz: {len(names)} programs, {seconds} s each, --seed {seed}", flush=True)
    total = Tally()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = [pool.submit(feed, name, build / f"{name}_fuzz", Places.of(name), seconds, seed) for name in names]
        for done in concurrent.futures.as_completed(runs):
            outcome = done.result()
            if not outcome.passed:
                print("\n".join(outcome.output.splitlines()[-OUTPUT_LINES_SHOWN:]))
            print(f"fuzz: {outcome.name:<20} {'ok' if outcome.passed else 'FAILED'}: {outcome.what}", flush=True)
            total += Tally(passed=1) if outcome.passed else Tally.broken(f"fuzz: failed: {outcome.name}: {outcome.what}")
    return total


def suite(call) -> Tally:
    """What `./dev test` runs."""
    if not call(["./dev", "build", "fuzz", "fuzz"]):
        return Tally.broken("fuzz: the build failed")
    return run(program_names(Tree(ROOT)), SECONDS, random.SystemRandom().randrange(1, 1 << 31), ROOT / "build/fuzz")


def main() -> int:
    names = program_names(Tree(ROOT))
    parser = argparse.ArgumentParser(prog="dev fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(names)}")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long each (default %(default)s)")
    parser.add_argument("--seed", type=int, help="of libFuzzer's random choices; drawn and printed where not given")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in names:
            parser.error(f"there is no {name}; there are: {', '.join(names)}")
    seed = arguments.seed or random.SystemRandom().randrange(1, 1 << 31)
    tally = run(arguments.names or names, arguments.seconds, seed, ROOT / "build/fuzz")
    print(tally)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
