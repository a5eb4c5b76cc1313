#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thalweg {

/// Something on the disk that contradicts itself or what stands elsewhere.
struct Fault {
  std::string path;
  std::optional<uint64_t> position;  ///< byte in the file, where there is one
  std::string what;
};

/// What a check of files has found. Notes are what a start deals with by itself, such as a torn end.
struct Faults {
  std::vector<Fault> faults;
  std::vector<Fault> notes;

  void Add(std::string path, std::optional<uint64_t> position, std::string what) {
    faults.push_back({std::move(path), position, std::move(what)});
  }
  void Note(std::string path, std::optional<uint64_t> position, std::string what) {
    notes.push_back({std::move(path), position, std::move(what)});
  }
};

}  // namespace thalweg
