#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/base/fault.h"
#include "thalweg/catalog/verify_meta_store.h"
#include "thalweg/cli/command.h"
#include "thalweg/cli/text_table.h"
#include "thalweg/io/object_store.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/io/read_only_file_system.h"
#include "thalweg/tablet/verify_data.h"

namespace thalweg::cli {
namespace {

constexpr const char* kVersionLine = "thalweg data layout 1\n";

struct VerifyArguments {
  std::string directory;
  std::string remote;
  bool json = false;
};

std::string PlaceOf(const Fault& fault) {
  return fault.position ? fmt::format("{}, byte {}", fault.path, *fault.position) : fault.path;
}

void PrintText(const std::string& directory, const Faults& found, const catalog::KnownIds& known,
               const tablet::VerifiedData& data, bool looked_at_remote) {
  for (const auto& fault : found.faults) fmt::print("FAULT  {}: {}\n", PlaceOf(fault), fault.what);
  for (const auto& note : found.notes) fmt::print("note   {}: {}\n", PlaceOf(note), note.what);
  fmt::print(
      "{}: {} metadata records, {} buckets, {} segments, {} batches, {} bytes, {} journal records, "
      "{} rows by key\n",
      directory, WithSeparators(known.records), WithSeparators(data.buckets), WithSeparators(data.segments),
      WithSeparators(data.batches), WithSeparators(data.bytes), WithSeparators(data.journal_records),
      WithSeparators(data.rows));
  if (data.remote_segments > 0 && looked_at_remote) {
    fmt::print("remote storage: {} segments, {} bytes\n", WithSeparators(data.remote_segments),
               WithSeparators(data.remote_bytes));
  } else if (data.remote_segments > 0) {
    fmt::print("remote storage: {} segments, not looked at: --remote says where they are\n",
               WithSeparators(data.remote_segments));
  }
  fmt::print("{}\n", found.faults.empty() ? "no faults" : fmt::format("{} faults", found.faults.size()));
}

void PrintJson(const Faults& found, const catalog::KnownIds& known, const tablet::VerifiedData& data) {
  using Json = nlohmann::ordered_json;
  const auto list = [](const std::vector<Fault>& faults) {
    Json json = Json::array();
    for (const auto& fault : faults) {
      json.push_back(
          {{"path", fault.path}, {"position", fault.position ? Json(*fault.position) : Json()}, {"what", fault.what}});
    }
    return json;
  };
  const Json json{{"faults", list(found.faults)},
                  {"notes", list(found.notes)},
                  {"metadata_records", known.records},
                  {"buckets", data.buckets},
                  {"segments", data.segments},
                  {"batches", data.batches},
                  {"bytes", data.bytes},
                  {"journal_records", data.journal_records},
                  {"rows_by_key", data.rows},
                  {"remote_segments", data.remote_segments},
                  {"remote_bytes", data.remote_bytes}};
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

arrow::Status Verify(const VerifyArguments& arguments) {
  const std::string& directory = arguments.directory;
  io::PosixFileSystem disk;
  io::ReadOnlyFileSystem fs(disk);
  auto version = io::ReadFile(fs, directory + "/version");
  if (!version.ok()) {
    return Error(
        ErrorCode::kUnsupportedVersion,
        "{} is no data directory of Thalweg: {} (Remote storage is verified from the data directory it belongs to, "
        "with --remote.)",
        directory, version.status().message());
  }
  if (*version != kVersionLine) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "{}/version is not one that this program knows: use the version that wrote it.", directory);
  }
  auto lock = io::LockUnchanged(directory + "/lock");
  if (!lock.ok()) {
    return Error(CodeOf(lock.status()), "Only data that no server uses can be verified: {}", lock.status().message());
  }
  std::unique_ptr<io::ObjectStore> remote;
  if (!arguments.remote.empty()) {
    ARROW_ASSIGN_OR_RAISE(remote, io::OpenObjectStore(fs, arguments.remote, {}));
  }
  Faults found;
  catalog::KnownIds known;
  ARROW_RETURN_NOT_OK(catalog::VerifyMetaStore(fs, directory + "/meta", &found, &known));
  // Where the metadata are damaged, nobody knows which tables there are: then all files count.
  const bool all = !found.faults.empty();
  tablet::VerifiedData data;
  ARROW_RETURN_NOT_OK(tablet::VerifyData(
      fs, directory,
      [&](const TableBucket& bucket) {
        return all || (known.tables.contains(bucket.table) &&
                       (bucket.partition == kNoPartition || known.partitions.contains(bucket.partition)));
      },
      remote.get(), &found, &data));
  if (arguments.json) {
    PrintJson(found, known, data);
  } else {
    PrintText(directory, found, known, data, remote != nullptr);
  }
  std::fflush(stdout);
  if (found.faults.empty()) return arrow::Status::OK();
  return Error(ErrorCode::kCorruptRecord, "{} is damaged: {} faults. Nothing was changed.", directory,
               found.faults.size());
}

}  // namespace

void AddVerifyCommand(CLI::App& app, Action* action) {
  const auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* verify = app.add_subcommand("verify", "Check every checksum, offset and index of data that no server uses");
  verify->add_option("DIR", arguments->directory, "The data directory; nothing in it is changed")
      ->required()
      ->type_name("");
  verify
      ->add_option(
          "--remote", arguments->remote,
          "Where copied segments are (remote.data.dir), to check them as well; keys for S3 come from the environment")
      ->type_name("DIR|ADDRESS");
  verify->add_flag("--json", arguments->json, "For programs");
  verify->callback([=] { *action = [=] { return Verify(*arguments); }; });
}

}  // namespace thalweg::cli
