"""The rules that look at compiled code: `symbols`, `headers`, `format`, `tidy`, each on a small tree that is really compiled."""

import json
import subprocess

import pytest

from tools.check import headers, symbols, tidy
from tools.check.compile_db import CompileDb, flags_of

MODULE = 'thalweg_module(NAME log PURPOSE "segments")'
TIDY = "Checks: '-*,bugprone-use-after-move'\nWarningsAsErrors: '*'\n"
FORMAT = "BasedOnStyle: Google\nColumnLimit: 120\n"


@pytest.fixture
def built(make_tree, tmp_path):
    """built({path: text}) compiles the thalweg/ sources as CMake would lay them out, and gives the tree and the build folder."""

    def build(files):
        files = {"thalweg/log/CMakeLists.txt": MODULE, ".clang-format": FORMAT, ".clang-tidy": TIDY} | files
        tree = make_tree(files)
        folder = tmp_path / "build/release"
        commands = []
        for name in files:
            if name.endswith(".cc"):
                module, leaf = name.split("/")[1], name.split("/", 2)[2]
                output = folder / f"modules/{module}/{leaf}.o"
                output.parent.mkdir(parents=True, exist_ok=True)
                source = str(tmp_path / name)
                command = f"clang++-19 -std=c++23 -O1 -I{tmp_path} -o {output} -c {source}"
                subprocess.run(command.split(), check=True)
                commands.append({"directory": str(folder), "command": command, "file": source})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "compile_commands.json").write_text(json.dumps(commands))
        return tree, folder

    return build


def refused_symbols(tree, folder):
    return list(symbols.check(tree, CompileDb(tree, folder)))


@pytest.mark.parametrize(
    ("code", "kind", "cure"),
    [
        ("#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }\n", "clock", "Clock"),
        ("#include <time.h>\nint f(timespec* t) { return clock_gettime(CLOCK_MONOTONIC, t); }\n", "clock", "Clock"),
        ("#include <fcntl.h>\nint f(const char* p) { return open(p, O_RDONLY); }\n", "file", "thalweg/io"),
        ("#include <filesystem>\nbool f(const char* p) { return std::filesystem::exists(p); }\n", "file", "thalweg/io"),
        ("#include <fstream>\nvoid f(const char* p) { std::ofstream out(p); }\n", "file", "thalweg/io"),
        ("#include <sys/socket.h>\nint f() { return socket(AF_INET, SOCK_STREAM, 0); }\n", "socket", "thalweg/net"),
        ("#include <thread>\nvoid f() { std::thread([] {}).detach(); }\n", "thread", "executor"),
        ("#include <random>\nunsigned f() { return std::random_device()(); }\n", "random", "seed"),
    ],
)
def test_a_call_past_the_interfaces_is_refused(built, code, kind, cure):
    found = refused_symbols(*built({"thalweg/log/segment.cc": code}))
    assert found and {p.path for p in found} == {"thalweg/log/segment.cc"}
    assert any(f"({kind})" in p.message and cure in p.message for p in found), found


def test_paths_locks_and_memory_are_no_calls_past_the_interfaces(built):
    code = """
      #include <condition_variable>
      #include <filesystem>
      #include <memory>
      #include <mutex>
      #include <sstream>
      std::string f(const std::filesystem::path& p) { std::ostringstream out; out << (p / "x").filename(); return out.str(); }
      void g(std::mutex& m, std::condition_variable& c) { std::unique_lock lock(m); c.wait(lock); }
      auto h() { return std::make_shared<int>(1); }
    """
    assert refused_symbols(*built({"thalweg/log/segment.cc": code})) == []


def test_the_folders_with_the_interfaces_and_tests_may_call(built):
    code = "#include <fcntl.h>\nint f(const char* p) { return open(p, O_RDONLY); }\n"
    files = {"thalweg/io/CMakeLists.txt": MODULE.replace("log", "io"), "thalweg/io/posix.cc": code, "thalweg/log/segment_test.cc": code}
    assert refused_symbols(*built(files)) == []


def test_a_source_that_was_not_compiled_is_a_problem(built):
    tree, folder = built({"thalweg/log/segment.cc": ""})
    (folder / "modules/log/segment.cc.o").unlink()
    assert ["./dev build release" in p.message for p in refused_symbols(tree, folder)] == [True]


def test_a_header_that_leans_on_its_includer_is_refused(built):
    tree, folder = built({
        "thalweg/log/segment.cc": '#include <string>\n#include "thalweg/log/segment.h"\n',
        "thalweg/log/segment.h": "#pragma once\nstd::string Name();\n",
        "thalweg/log/index.h": "#pragma once\n#include <string>\nstd::string Name();\n",
        "thalweg/log/unguarded.h": "struct Twice {};\n",
    })
    found = {p.path: p.message for p in headers.check(tree, CompileDb(tree, folder))}
    assert set(found) == {"thalweg/log/segment.h", "thalweg/log/unguarded.h"}
    assert "std" in found["thalweg/log/segment.h"] and "redefinition" in found["thalweg/log/unguarded.h"]


def test_a_clean_header_is_not_compiled_again_until_what_it_includes_changes(built, monkeypatch, tmp_path):
    files = {"thalweg/log/a.cc": "", "thalweg/log/a.h": '#pragma once\n#include "thalweg/log/b.h"\nB Make();\n', "thalweg/log/b.h": "#pragma once\nstruct B {};\n"}
    tree, folder = built(files)
    assert list(headers.check(tree, CompileDb(tree, folder))) == []
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("compiled again"))
        assert list(headers.check(tree, CompileDb(tree, folder))) == []
    tree, folder = built(files | {"thalweg/log/b.h": "#pragma once\n"})
    assert {p.path for p in headers.check(tree, CompileDb(tree, folder))} == {"thalweg/log/a.h"}


def test_an_unformatted_file_is_refused(make_tree):
    tree = make_tree({".clang-format": FORMAT, "thalweg/log/bad.cc": "int  x ;\n", "thalweg/log/good.cc": "int x;\n"})
    assert [p.path for p in tidy.check_format(tree)] == ["thalweg/log/bad.cc"]


def test_a_use_after_move_is_found_and_a_clean_file_passes(built):
    bad = "#include <string>\n#include <utility>\nauto f(std::string s) {\n  auto t = std::move(s);\n  return s.size() + t.size();\n}\n"
    tree, folder = built({"thalweg/log/bad.cc": bad, "thalweg/log/good.cc": "int x;\n"})
    found = list(tidy.check_tidy(tree, CompileDb(tree, folder)))
    assert [(p.path, p.line) for p in found] == [("thalweg/log/bad.cc", 5)]
    assert found[0].message.endswith("[bugprone-use-after-move]")


def test_files_beyond_the_time_box_are_named_and_come_next_time(built, monkeypatch):
    tree, folder = built({"thalweg/log/a.cc": "int a;\n"})
    with monkeypatch.context() as patch:
        patch.setattr(tidy, "TIDY_SECONDS_MAX", 0)
        found = list(tidy.check_tidy(tree, CompileDb(tree, folder)))
        assert ["1 of 1 files not examined" in p.message for p in found] == [True] and not found[0].fatal
    assert list(tidy.check_tidy(tree, CompileDb(tree, folder))) == []


def test_flags_lose_launcher_outputs_and_precompiled_header():
    command = (
        "cmake -E env A=1 ccache /usr/bin/clang++-19 -DX -I/r -std=c++23 -Winvalid-pch -Xclang -include-pch -Xclang /b/pch "
        "-Xclang -include -Xclang /b/pch.hxx -Xclang -fno-x -MD -MT o -MF d -o x.o -c /r/x.cc"
    ).split()
    assert flags_of(command, "/r/x.cc") == ("-DX", "-I/r", "-std=c++23", "-Xclang", "-fno-x")
