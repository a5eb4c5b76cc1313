"""That the fuzz runner tells a broken program from a sound one, and keeps what broke it."""

from __future__ import annotations

import pathlib
import stat
import textwrap

import pytest

from tools import fuzz

PROGRAM = """\
#!/usr/bin/env python3
import pathlib, sys
options = dict(a.lstrip("-").split("=", 1) for a in sys.argv[1:] if a.startswith("-"))
if "seeds" in options:
    {seeds}
    sys.exit(0)
{body}
"""
SOUND = 'print("#9 DONE   cov: 12 ft: 3", "stat::number_of_executed_units: 900", sep="\\n", file=sys.stderr)'


@pytest.fixture
def places(tmp_path: pathlib.Path) -> fuzz.Places:
    return fuzz.Places.of("wire_x", tmp_path)


def feed(places: fuzz.Places, tmp_path: pathlib.Path, body: str, seeds: str = "") -> fuzz.Outcome:
    program = tmp_path / "wire_x_fuzz"
    seeds = seeds or 'pathlib.Path(options["seeds"], "seed-0").write_bytes(b"s")'
    program.write_text(PROGRAM.format(seeds=seeds, body=textwrap.dedent(body)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return fuzz.feed("wire_x", program, places, 1, 7)


def test_a_sound_program_passes(places, tmp_path):
    outcome = feed(places, tmp_path, SOUND)
    assert outcome.passed, outcome
    assert outcome.what == "900 inputs, 12 edges"
    assert not places.corpus.exists()


def test_an_input_that_breaks_it_fails_the_run_and_joins_the_corpus(places, tmp_path):
    outcome = feed(places, tmp_path, 'pathlib.Path(options["artifact_prefix"] + "crash-1").write_bytes(b"bad"); sys.exit(77)')
    assert not outcome.passed
    assert "crash-1" in outcome.what
    assert (places.corpus / "crash-1").read_bytes() == b"bad"


@pytest.mark.parametrize("body", [
    "sys.exit(3)",
    'print("stat::number_of_executed_units: 1", file=sys.stderr)',
    'print("nothing", file=sys.stderr)',
])
def test_a_program_that_tries_nothing_fails(places, tmp_path, body):
    assert not feed(places, tmp_path, body).passed


def test_a_program_without_seeds_fails(places, tmp_path):
    outcome = feed(places, tmp_path, SOUND, seeds="pass")
    assert not outcome.passed
    assert "no seeds" in outcome.what


def test_a_slow_input_alone_is_no_failure(places, tmp_path):
    body = 'pathlib.Path(options["artifact_prefix"] + "slow-unit-1").write_bytes(b"slow")\n' + SOUND
    assert feed(places, tmp_path, body).passed
