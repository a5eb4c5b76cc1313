"""The checker as a program: what it prints, and how it counts."""

from tools.check.__main__ import run


def test_broken_rules_are_counted_and_their_problems_printed(make_tree, tmp_path, capsys):
    tree = make_tree({"thalweg/log/long.cc": "\n" * 601, "thalweg/log/long.h": "\n" * 201})
    assert run(tree, tmp_path, ["size", "names"]) == 1
    out = capsys.readouterr().out
    assert "thalweg/log/long.cc: [size] 601 lines" in out and "thalweg/log/long.h: warning: [size]" in out
    assert out.endswith("check: 1 rules kept, 1 broken\n")


def test_warnings_break_no_rule(make_tree, tmp_path):
    assert run(make_tree({"thalweg/log/long.h": "\n" * 201}), tmp_path, ["size"]) == 0
