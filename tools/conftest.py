"""Small trees for the tests of the tools."""

import pathlib

import pytest

from tools.check.tree import Tree


@pytest.fixture
def make_tree(tmp_path):
    """make_tree({path: text}) writes the files and gives the Tree over them."""

    def make(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Tree(tmp_path)

    return make


@pytest.fixture
def repository():
    return pathlib.Path(__file__).resolve().parent.parent
