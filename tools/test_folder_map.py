"""The folder map: made in rank order, stale and missing ones found."""

import pytest

from tools import folder_map

FILES = {
    "dev": "",
    "bench/run": "",
    "thalweg/io/CMakeLists.txt": 'thalweg_module(NAME io PURPOSE "files" DEPS runtime base)',
    "thalweg/base/CMakeLists.txt": 'thalweg_module(NAME base PURPOSE "ids")',
    "thalweg/testing/CMakeLists.txt": 'thalweg_module(NAME testing PURPOSE "simulation" DEPS io)',
    folder_map.DOCUMENT: f"before\n{folder_map.BEGIN}\n{folder_map.END}\nafter\n",
}


def test_the_map_lists_what_there_is_in_rank_order(make_tree):
    rows = [row.split(" | ")[:3] for row in folder_map.render(make_tree(FILES)).splitlines()[2:]]
    assert [(rank.strip("| "), folder) for rank, folder, _ in rows] == [
        ("0", "`thalweg/base`"), ("2", "`thalweg/io`"), ("–", "`thalweg/testing`"), ("–", "`bench`"), ("–", "`docs`"),
        ("–", "`dev`"),
    ]
    assert "| 2 | `thalweg/io` | files | base, runtime |" in folder_map.render(make_tree(FILES))


def test_a_stale_map_is_found_and_writing_mends_it(make_tree, tmp_path):
    tree = make_tree(FILES)
    assert ["./dev fmt" in p.message for p in folder_map.check(tree)] == [True]
    assert folder_map.write(tmp_path)
    assert list(folder_map.check(make_tree({}))) == []
    assert not folder_map.write(tmp_path)
    text = (tmp_path / folder_map.DOCUMENT).read_text()
    assert text.startswith("before\n") and text.endswith("after\n")


@pytest.mark.parametrize("document", [None, "no markers"])
def test_a_missing_document_or_marker_is_found(make_tree, tmp_path, document):
    tree = make_tree(FILES)
    path = tmp_path / folder_map.DOCUMENT
    path.unlink() if document is None else path.write_text(document)
    assert len(list(folder_map.check(tree))) == 1
