"""Rule `layers`: each of its refusals seen on a small tree, and a good tree that passes."""

import pytest

from tools.check import layers
from tools.check.tree import Module, Tree, parse_module

GOOD = {
    "thalweg/base/CMakeLists.txt": 'thalweg_module(NAME base PURPOSE "ids" LINK thalweg_arrow)',
    "thalweg/base/ids.h": "#include <cstdint>\n",
    "thalweg/io/CMakeLists.txt": 'thalweg_module(NAME io PURPOSE "files" DEPS base)',
    "thalweg/io/file.h": '#include "thalweg/base/ids.h"\n',
    "thalweg/io/file_internal.h": "",
    "thalweg/io/file.cc": '#include "thalweg/io/file.h"\n#include "thalweg/io/file_internal.h"\n#include "arrow/type_fwd.h"\n',
    "thalweg/net/CMakeLists.txt": 'thalweg_module(NAME net PURPOSE "sockets" DEPS base runtime)',
    "thalweg/net/listener.cc": '#include <asio/ip/tcp.hpp>\n#include "thalweg/runtime/asio_internal.h"\n',
    "thalweg/net/json_internal.h": "#include <nlohmann/json.hpp>\n",
    "thalweg/testing/CMakeLists.txt": 'thalweg_module(NAME testing PURPOSE "simulation" DEPS base io)',
    "thalweg/testing/disk.h": '#include "thalweg/io/file.h"\n',
    "thalweg/log/CMakeLists.txt": 'thalweg_module(NAME log PURPOSE "segments" DEPS base io TEST_DEPS testing)',
    "thalweg/log/segment.cc": '#include "thalweg/base/ids.h"\n#include "thalweg/io/file.h"\n#include "rocksdb/db.h"\n',
    "thalweg/log/segment_test.cc": '#include "thalweg/testing/disk.h"\n',
}


def problems(make_tree, **changed):
    return [problem.message for problem in layers.check(make_tree(GOOD | changed))]


def test_a_good_tree_passes(make_tree):
    assert problems(make_tree) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("thalweg/io/file.h", '#include "thalweg/log/segment.h"\n', "log ranks no lower than io"),
        ("thalweg/io/file.h", '#include "thalweg/net/listener.h"\n', "net ranks no lower than io"),
        ("thalweg/log/segment.cc", '#include "thalweg/schema/types.h"\n', "name schema in DEPS of thalweg/log/CMakeLists.txt"),
        ("thalweg/log/segment.cc", '#include "thalweg/io/file_internal.h"\n', "private to thalweg/io"),
        ("thalweg/log/segment.cc", '#include "thalweg/testing/disk.h"\n', "for tests only"),
        ("thalweg/io/file_test.cc", '#include "thalweg/testing/disk.h"\n', "name testing in TEST_DEPS"),
        ("thalweg/io/file.cc", '  #  include "file.h"\n', 'include "thalweg/io/file.h"'),
        ("thalweg/io/file.cc", '#include "thalweg/file.h"\n', "is in no module"),
        ("thalweg/wild/x.cc", '#include "thalweg/io/file.h"\n', "call thalweg_module"),
        ("thalweg/log/segment.cc", "#include <asio/post.hpp>\n", "only runtime, net may include"),
        ("thalweg/log/segment.cc", "#include <asio.hpp>\n", "only runtime, net may include"),
        ("thalweg/io/file.cc", '#include "thalweg/net/json_internal.h"\n', "private to thalweg/net"),
        ("thalweg/log/segment.cc", "#include <arrow/api.h>\n", "arrow/type_fwd.h"),
        ("thalweg/log/segment.h", '#include "arrow/compute/api.h"\n', "is refused"),
        ("thalweg/log/segment.h", "#include <rocksdb/db.h>\n", "is refused"),
        ("thalweg/log/segment.h", "#include <nlohmann/json.hpp>\n", "json_fwd.hpp"),
        ("tests/sim/world.h", "#include <rocksdb/db.h>\n", "is refused"),
    ],
)
def test_a_bad_include_is_refused(make_tree, path, text, expected):
    found = problems(make_tree, **{path: text})
    assert len(found) == 1 and expected in found[0], found


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('NAME disk PURPOSE "files" DEPS base', "write NAME io"),
        ("NAME io DEPS base", "PURPOSE"),
        ('NAME io PURPOSE "files" DEPS base log', "depends on log of rank 3"),
        ('NAME io PURPOSE "files" DEPS base net', "depends on net of rank 2"),
        ('NAME io PURPOSE "files" DEPS base nowhere', "no ranked folder"),
        ('NAME io PURPOSE "files" DEPS base testing', "move it to TEST_DEPS"),
    ],
)
def test_a_bad_declaration_is_refused(make_tree, call, expected):
    found = problems(make_tree, **{"thalweg/io/CMakeLists.txt": f"thalweg_module({call})"})
    assert len(found) == 1 and expected in found[0], found


def test_another_folders_asio_header_is_for_net_only(make_tree):
    found = problems(make_tree, **{"thalweg/log/segment.cc": '#include "thalweg/runtime/asio_internal.h"\n'})
    assert any("only runtime, net may include" in message for message in found)


def test_a_folder_without_a_rank_is_refused(make_tree):
    found = problems(make_tree, **{"thalweg/extra/CMakeLists.txt": 'thalweg_module(NAME extra PURPOSE "x")'})
    assert len(found) == 1 and "no rank" in found[0]


def test_a_module_call_is_read_with_quotes_comments_and_lists():
    cmake = """
      # thalweg_module(NAME wrong)
      thalweg_module(
        NAME log  # not "journal"
        PURPOSE "segments (and indexes), DEPS of nothing"
        DEPS base
          io
        LINK thalweg_arrow TEST_DEPS testing)
      target_link_libraries(log other)
    """
    assert parse_module(cmake) == Module("log", "segments (and indexes), DEPS of nothing", ("base", "io"), ("testing",))
    assert parse_module("add_library(x)") is None


def test_the_real_tree_declares_every_folder(repository):
    tree = Tree(repository)
    assert "base" in tree.modules
    assert all((repository / "thalweg" / name).is_dir() for name in tree.modules)
