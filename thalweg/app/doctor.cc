#include "thalweg/app/doctor.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "thalweg/app/data_directory.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/cell_text.h"
#include "thalweg/cli/text_table.h"

namespace thalweg::app {
namespace {

using Verdict = Diagnosis::Verdict;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;
// Files of journal, metadata and segments, and as many connections as a server takes.
constexpr uint64_t kOpenFilesMin = 256;
constexpr uint64_t kOpenFilesOwn = 1'024;  ///< of segments, the catalog and the like, at most
constexpr uint64_t kOpenFilesGood = 20'000 + kOpenFilesOwn;
constexpr uint64_t kMemoryMin = 512 * kMiB;
constexpr double kFreeShareGood = 0.10;
constexpr double kSyncedWriteSlowMs = 20;
// No server of this kind ran before 2025; a clock there has lost its battery.
constexpr int64_t kClockMinMs = 1'735'689'600'000;
constexpr int64_t kClockBackMs = 2'000;

std::string_view Name(Verdict verdict) {
  return verdict == Verdict::kOk ? "ok" : verdict == Verdict::kWarn ? "warn" : "fail";
}

std::string BytesText(uint64_t bytes) {
  if (bytes >= kGiB) return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
  return fmt::format("{:.0f} MiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
}

bool IsLoopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

/// Collects what is found, one method a subject.
class Doctor {
 public:
  Doctor(const ServeOptions& options, const Machine& machine) : options_(options), machine_(machine) {}

  std::vector<Diagnosis> Examine() {
    Configuration();
    Durability();
    Access();
    Directory();
    FileSystem();
    SyncedWrites();
    FreeSpace();
    RemoteStorage();
    OpenFiles();
    Memory();
    Clock();
    return std::move(diagnoses_);
  }

 private:
  void Add(Verdict verdict, std::string subject, std::string found, std::string advice = {}) {
    diagnoses_.push_back({verdict, std::move(subject), std::move(found), std::move(advice)});
  }

  void Configuration() {
    for (const auto& warning : options_.warnings) {
      Add(Verdict::kWarn, "configuration", warning, "Take it out, so that nobody relies on it.");
    }
    if (options_.warnings.empty()) Add(Verdict::kOk, "configuration", "every option is understood");
  }

  void Durability() {
    if (options_.durability == journal::Durability::kSynced) {
      Add(Verdict::kOk, "durability", "acknowledged means on disk");
    } else {
      Add(Verdict::kWarn, "durability", "page-cache: acknowledged rows may be lost when the machine loses power",
          "Set thalweg.durability: synced, unless losing them is fine.");
    }
  }

  void Access() {
    const size_t before = diagnoses_.size();
    for (const auto& listener : options_.listeners) {
      if (listener.credentials || IsLoopback(listener.bind.host)) continue;
      Add(Verdict::kWarn, "access",
          fmt::format("listener {} on {} lets everybody in", listener.name, listener.bind.ToString()),
          "Ask for SASL there (security.protocol.map), or listen on 127.0.0.1.");
    }
    if (diagnoses_.size() == before) Add(Verdict::kOk, "access", "no open listener beyond this machine");
  }

  void Directory() {
    if (!machine_.writable) {
      Add(Verdict::kFail, "data directory", fmt::format("{} cannot be written to", machine_.directory),
          "Give it to the user that runs the server, or choose another one with --data.");
      return;
    }
    if (machine_.version) {
      const arrow::Status known = CheckDataVersion(options_.data_directory, *machine_.version);
      if (!known.ok()) {
        Add(Verdict::kFail, "data directory", known.message(),
            "Start the version that wrote it, or choose another directory.");
        return;
      }
    }
    std::string found = options_.data_directory;
    if (!machine_.data_exists) {
      found += ": will be made";
    } else if (!machine_.version) {
      found += ": no data yet";
    } else if (machine_.lock_holder) {
      found += fmt::format(": in use by the server with pid {}", *machine_.lock_holder);
    } else {
      found += ": data of this version, no server runs";
    }
    Add(Verdict::kOk, "data directory", std::move(found));
  }

  void FileSystem() {
    if (machine_.in_memory) {
      Add(Verdict::kFail, "file system", machine_.file_system + ": it lies in memory, and so would everything stored",
          "Choose a directory on a disk with --data.");
    } else if (machine_.over_network) {
      Add(Verdict::kWarn, "file system",
          machine_.file_system + ": each sync crosses the network, and locks may not hold",
          "Choose a directory on a local disk or a block device.");
    } else if (machine_.direct_writes == false) {
      Add(Verdict::kWarn, "file system",
          machine_.file_system + " has no O_DIRECT: the journal syncs through the page cache",
          "It is as durable and slower; ext4 or xfs has it.");
    } else {
      Add(Verdict::kOk, "file system", machine_.file_system + (machine_.direct_writes ? ", O_DIRECT" : ""));
    }
  }

  void SyncedWrites() {
    if (!machine_.synced_write_ms) return;
    const std::string found = fmt::format("one of 4 KiB takes {:.1f} ms", *machine_.synced_write_ms);
    if (*machine_.synced_write_ms > kSyncedWriteSlowMs) {
      Add(Verdict::kWarn, "synced writes", found,
          "Every acknowledgement waits for one: look at the disk, or at what else uses it.");
    } else {
      Add(Verdict::kOk, "synced writes", found);
    }
  }

  void FreeSpace() {
    if (!machine_.free_bytes || !machine_.total_bytes) return;
    const double share = *machine_.total_bytes == 0
                             ? 0
                             : static_cast<double>(*machine_.free_bytes) / static_cast<double>(*machine_.total_bytes);
    const std::string found = fmt::format("{} free of {} ({:.0f} %)", BytesText(*machine_.free_bytes),
                                          BytesText(*machine_.total_bytes), share * 100);
    if (*machine_.free_bytes < options_.journal_bytes / 4) {
      Add(Verdict::kFail, "disk", found, "The journal has no room to work: free space, or choose another device.");
    } else if (*machine_.free_bytes < options_.journal_bytes + options_.segment_bytes || share < kFreeShareGood) {
      Add(Verdict::kWarn, "disk", found,
          fmt::format("Free space: journal and one segment may take {}.",
                      BytesText(options_.journal_bytes + options_.segment_bytes)));
    } else {
      Add(Verdict::kOk, "disk", found);
    }
  }

  void RemoteStorage() {
    if (!machine_.remote_storage) return;
    const arrow::Status& status = *machine_.remote_storage;
    if (status.ok()) {
      Add(Verdict::kOk, "remote storage", "objects can be written and removed");
    } else if (CodeOf(status) == ErrorCode::kInvalidConfig) {
      Add(Verdict::kFail, "remote storage", status.message(), "Mend remote.data.dir.");
    } else {
      Add(Verdict::kWarn, "remote storage", status.message(),
          "Segments stay on this disk until it works, and what is only there cannot be read: look at remote.data.dir, "
          "its keys and the way to it.");
    }
  }

  void OpenFiles() {
    const std::string found =
        fmt::format("{} allowed ({} at most)", machine_.open_files_soft, machine_.open_files_hard);
    if (machine_.open_files_soft < kOpenFilesMin) {
      Add(Verdict::kFail, "open files", found, "Raise it: ulimit -n 65536, or LimitNOFILE= in the unit.");
    } else if (machine_.open_files_soft < kOpenFilesGood) {
      Add(Verdict::kWarn, "open files", found,
          fmt::format(
              "Enough for about {} connections; for all that a server takes: ulimit -n 65536, or LimitNOFILE= in "
              "the unit.",
              machine_.open_files_soft - std::min(machine_.open_files_soft / 2, kOpenFilesOwn)));
    } else {
      Add(Verdict::kOk, "open files", found);
    }
  }

  void Memory() {
    if (!machine_.memory_bytes) return;
    const uint64_t usable =
        std::min(*machine_.memory_bytes, machine_.memory_limit_bytes.value_or(*machine_.memory_bytes));
    const std::string found = fmt::format("{}{}, {} core{}", BytesText(usable),
                                          machine_.memory_limit_bytes ? " by the control group's limit" : "",
                                          machine_.cores, machine_.cores == 1 ? "" : "s");
    if (usable < kMemoryMin) {
      Add(Verdict::kWarn, "memory", found, fmt::format("Give the server at least {}.", BytesText(kMemoryMin)));
    } else {
      Add(Verdict::kOk, "memory", found);
    }
  }

  void Clock() {
    const std::string now = cli::InstantText(machine_.now_ms);
    if (machine_.now_ms < kClockMinMs) {
      Add(Verdict::kFail, "clock", now + ": that cannot be", "Set the clock: rows get their commit time from it.");
    } else if (machine_.data_changed_ms && *machine_.data_changed_ms > machine_.now_ms + kClockBackMs) {
      Add(Verdict::kWarn, "clock",
          fmt::format("{}, but data were written at {}", now, cli::InstantText(*machine_.data_changed_ms)),
          "The clock has gone back: set it, or reading from a time will miss rows.");
    } else if (machine_.clock_synchronised == false) {
      Add(Verdict::kWarn, "clock", now + ", not synchronised",
          "Run an NTP client, such as systemd-timesyncd or chrony.");
    } else {
      Add(Verdict::kOk, "clock", now + (machine_.clock_synchronised ? ", synchronised" : ""));
    }
  }

  const ServeOptions& options_;
  const Machine& machine_;
  std::vector<Diagnosis> diagnoses_;
};

}  // namespace

std::vector<Diagnosis> Diagnose(const ServeOptions& options, const Machine& machine) {
  return Doctor(options, machine).Examine();
}

Diagnosis::Verdict WorstOf(const std::vector<Diagnosis>& diagnoses) {
  Verdict worst = Verdict::kOk;
  for (const auto& diagnosis : diagnoses) worst = std::max(worst, diagnosis.verdict);
  return worst;
}

std::string DiagnosesText(const std::vector<Diagnosis>& diagnoses) {
  constexpr std::array<const char*, 3> kResults{"OK", "WARN", "FAIL"};
  std::array<size_t, 3> counts{};
  cli::TextTable table({"RESULT", "CHECK", "FOUND"});
  for (const auto& diagnosis : diagnoses) {
    ++counts[static_cast<size_t>(diagnosis.verdict)];
    table.AddRow({kResults[static_cast<size_t>(diagnosis.verdict)], diagnosis.subject, diagnosis.found});
    if (!diagnosis.advice.empty()) table.AddRow({"", "", "→ " + diagnosis.advice});
  }
  return fmt::format("{}\n{} ok, {} to look at, {} to mend\n", table.ToString(), counts[0], counts[1], counts[2]);
}

std::string DiagnosesJson(const std::vector<Diagnosis>& diagnoses) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const auto& diagnosis : diagnoses) {
    checks.push_back({{"result", Name(diagnosis.verdict)},
                      {"check", diagnosis.subject},
                      {"found", diagnosis.found},
                      {"advice", diagnosis.advice}});
  }
  const nlohmann::ordered_json document{{"status", Name(WorstOf(diagnoses))}, {"checks", checks}};
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace thalweg::app
