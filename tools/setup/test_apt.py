"""The version choice of setup: exact where the mirror has it, same upstream major otherwise, else a failure."""

import pathlib
import subprocess

import pytest

APT_SH = pathlib.Path(__file__).with_name("apt.sh")
MADISON = """
 openjdk | 17.0.21+2-1~deb12u1 | http://security bookworm-security/main amd64 Packages
 openjdk | 17.0.19+10-1~deb12u2 | http://deb bookworm/main amd64 Packages
 openjdk | 21.0.1-1 | http://deb bookworm/main amd64 Packages
"""


def call(function, *arguments):
    return subprocess.run(
        ["bash", "-c", f'source "{APT_SH}"; {function} "$@"', "bash", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("version", "major"),
    [("1:19.1.7-3~deb12u1", "19"), ("17.0.15+6-1~deb12u1", "17"), ("0.7.0+dfsg-8+b1", "0"), ("20230311+deb12u1", "20230311")],
)
def test_upstream_major_drops_epoch_and_revision(version, major):
    assert call("upstream_major", version).stdout.strip() == major


def test_the_pinned_version_wins_over_a_newer_one():
    assert call("choose_version", "openjdk=17.0.19+10-1~deb12u2", MADISON).stdout.strip() == "openjdk=17.0.19+10-1~deb12u2"


def test_a_vanished_version_falls_back_to_the_newest_of_the_same_major():
    assert call("choose_version", "openjdk=17.0.15+6-1~deb12u1", MADISON).stdout.strip() == "openjdk=17.0.21+2-1~deb12u1"


def test_another_major_is_no_fallback():
    assert call("choose_version", "openjdk=11.0.1-1", MADISON).returncode != 0
    assert call("choose_version", "openjdk=17.0.1-1", "").returncode != 0


def test_lock_lines_lose_comments_and_blanks(tmp_path):
    lock = tmp_path / "apt.lock"
    lock.write_text("# head\n\na=1\nb=2:3~x # why\n")
    assert call("locked_packages", str(lock)).stdout.split() == ["a=1", "b=2:3~x"]
