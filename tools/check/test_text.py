"""Rules `size`, `names` and `unfinished`."""

import pytest

from tools.check import text


def test_a_file_over_the_limit_fails_and_one_at_the_limit_passes(make_tree):
    tree = make_tree({"thalweg/log/long.cc": "\n" * 601, "thalweg/log/full.cc": "\n" * 600, "docs/long.md": "\n" * 900})
    assert [(p.path, p.fatal) for p in text.check_size(tree)] == [("thalweg/log/long.cc", True)]


def test_a_long_header_is_a_warning(make_tree):
    tree = make_tree({"thalweg/log/long.h": "\n" * 201, "thalweg/log/short.h": "\n" * 200})
    assert [(p.path, p.fatal) for p in text.check_size(tree)] == [("thalweg/log/long.h", False)]


@pytest.mark.parametrize("name", ["thalweg/utils/x.h", "thalweg/log/helpers.cc", "thalweg/log/segment_util.h", "python/common/x.py"])
def test_an_empty_name_is_refused(make_tree, name):
    assert [p.path for p in text.check_names(make_tree({name: ""}))] == [name]


def test_a_name_that_says_something_passes(make_tree):
    assert not list(text.check_names(make_tree({"thalweg/log/segment.h": "", "thalweg/log/communal.cc": ""})))


def test_a_remark_of_unfinished_work_is_refused(make_tree):
    tree = make_tree({"a.cc": "int x;\n// TO" + "DO: y\n", "b.md": "FIX" + "ME", "c.cc": "// todos are a list\n"})
    assert [(p.path, p.line) for p in text.check_unfinished(tree)] == [("a.cc", 2), ("b.md", 1)]
