#include "thalweg/app/doctor.h"

#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

using ::testing::HasSubstr;
using Verdict = Diagnosis::Verdict;

/// One on which all is well.
Machine GoodMachine() {
  return {.directory = "/srv",
          .data_exists = true,
          .writable = true,
          .file_system = "ext4",
          .free_bytes = 500ull << 30,
          .total_bytes = 1000ull << 30,
          .direct_writes = true,
          .synced_write_ms = 0.8,
          .version = "thalweg data layout 1\n",
          .data_changed_ms = 1'790'000'000'000,
          .open_files_soft = 65'536,
          .open_files_hard = 65'536,
          .memory_bytes = 16ull << 30,
          .cores = 8,
          .now_ms = 1'790'000'000'000,
          .clock_synchronised = true};
}

TEST(DoctorTest, RemoteStorageThatDoesNotAnswerIsAWarning) {
  Machine machine = GoodMachine();
  machine.remote_storage = arrow::Status::OK();
  EXPECT_EQ(WorstOf(Diagnose({}, machine)), Verdict::kOk);
  machine.remote_storage = Error(ErrorCode::kStorage, "Writing the object x failed: no answer");
  EXPECT_EQ(WorstOf(Diagnose({}, machine)), Verdict::kWarn) << "the server runs without it";
  EXPECT_THAT(DiagnosesText(Diagnose({}, machine)), HasSubstr("no answer"));
  machine.remote_storage = Error(ErrorCode::kInvalidConfig, "is no address");
  EXPECT_EQ(WorstOf(Diagnose({}, machine)), Verdict::kFail) << "serve would not start";
}

TEST(DoctorTest, AGoodMachinePassesEverything) {
  const auto diagnoses = Diagnose({}, GoodMachine());
  EXPECT_EQ(WorstOf(diagnoses), Verdict::kOk) << DiagnosesText(diagnoses);
  EXPECT_GE(diagnoses.size(), 10u);
  for (const auto& diagnosis : diagnoses) EXPECT_EQ(diagnosis.advice, "") << diagnosis.subject;
  EXPECT_THAT(DiagnosesText(diagnoses), HasSubstr("0 to look at, 0 to mend"));
}

struct Case {
  const char* subject;
  Verdict verdict;
  const char* says;
  std::function<void(ServeOptions&, Machine&)> spoil;
};

TEST(DoctorTest, EachFaultIsFoundAndComesWithAdvice) {
  const std::vector<Case> cases{
      {"configuration", Verdict::kWarn, "no effect",
       [](ServeOptions& o, Machine&) { o.warnings = {"zookeeper.address has no effect"}; }},
      {"durability", Verdict::kWarn, "page-cache",
       [](ServeOptions& o, Machine&) { o.durability = journal::Durability::kPageCache; }},
      {"access", Verdict::kWarn, "0.0.0.0:9123",
       [](ServeOptions& o, Machine&) { o.listeners[0].bind = {"0.0.0.0", 9123}; }},
      {"data directory", Verdict::kFail, "cannot be written", [](ServeOptions&, Machine& m) { m.writable = false; }},
      {"data directory", Verdict::kFail, "newer Thalweg",
       [](ServeOptions&, Machine& m) { m.version = "thalweg data layout 9\n"; }},
      {"file system", Verdict::kFail, "tmpfs",
       [](ServeOptions&, Machine& m) { m.file_system = "tmpfs", m.in_memory = true; }},
      {"file system", Verdict::kWarn, "nfs",
       [](ServeOptions&, Machine& m) { m.file_system = "nfs", m.over_network = true; }},
      {"file system", Verdict::kWarn, "O_DIRECT", [](ServeOptions&, Machine& m) { m.direct_writes = false; }},
      {"synced writes", Verdict::kWarn, "35.0 ms", [](ServeOptions&, Machine& m) { m.synced_write_ms = 35; }},
      {"disk", Verdict::kWarn, "(5 %)", [](ServeOptions&, Machine& m) { m.free_bytes = 50ull << 30; }},
      {"disk", Verdict::kFail, "100 MiB", [](ServeOptions&, Machine& m) { m.free_bytes = 100ull << 20; }},
      {"open files", Verdict::kWarn, "1024", [](ServeOptions&, Machine& m) { m.open_files_soft = 1024; }},
      {"open files", Verdict::kFail, "128", [](ServeOptions&, Machine& m) { m.open_files_soft = 128; }},
      {"memory", Verdict::kWarn, "control group",
       [](ServeOptions&, Machine& m) { m.memory_limit_bytes = 100ull << 20; }},
      {"clock", Verdict::kFail, "1970", [](ServeOptions&, Machine& m) { m.now_ms = 5'000; }},
      {"clock", Verdict::kWarn, "data were written", [](ServeOptions&, Machine& m) { m.now_ms -= 3'600'000; }},
      {"clock", Verdict::kWarn, "not synchronised", [](ServeOptions&, Machine& m) { m.clock_synchronised = false; }}};
  for (const auto& c : cases) {
    ServeOptions options;
    Machine machine = GoodMachine();
    c.spoil(options, machine);
    const auto diagnoses = Diagnose(options, machine);
    EXPECT_EQ(WorstOf(diagnoses), c.verdict) << c.says;
    size_t found = 0;
    for (const auto& diagnosis : diagnoses) {
      if (diagnosis.verdict == Verdict::kOk) continue;
      ++found;
      EXPECT_EQ(diagnosis.subject, c.subject);
      EXPECT_EQ(diagnosis.verdict, c.verdict) << c.says;
      EXPECT_THAT(diagnosis.found, HasSubstr(c.says));
      EXPECT_NE(diagnosis.advice, "") << c.says;
    }
    EXPECT_EQ(found, 1u) << c.says;
  }
}

TEST(DoctorTest, JsonSaysTheSame) {
  Machine machine = GoodMachine();
  machine.open_files_soft = 1024;
  const auto document = nlohmann::json::parse(DiagnosesJson(Diagnose({}, machine)));
  EXPECT_EQ(document["status"], "warn");
  size_t warnings = 0;
  for (const auto& check : document["checks"]) warnings += check["result"] == "warn" ? 1 : 0;
  EXPECT_EQ(warnings, 1u);
}

TEST(DoctorTest, ThisMachineCanBeLookedAt) {
  const Machine machine = LookAtMachine("/var/tmp/no-such-directory/data");
  EXPECT_EQ(machine.directory, "/var/tmp");
  EXPECT_FALSE(machine.data_exists);
  EXPECT_NE(machine.file_system, "");
  EXPECT_GT(machine.free_bytes.value_or(0), 0u);
  EXPECT_GT(machine.open_files_soft, 0u);
  EXPECT_GT(machine.memory_bytes.value_or(0), 0u);
  EXPECT_GT(machine.now_ms, 1'700'000'000'000);
}

}  // namespace
}  // namespace thalweg::app
