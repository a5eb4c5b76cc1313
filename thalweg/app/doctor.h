#pragma once

#include <string>
#include <vector>

#include "thalweg/app/machine.h"
#include "thalweg/app/serve_options.h"

namespace thalweg::app {

/// What `thalweg doctor` says of one thing.
struct Diagnosis {
  enum class Verdict {
    kOk,
    kWarn,  ///< it runs, but promises less, or will not for long
    kFail,  ///< it cannot run, or cannot keep its promise
  };
  Verdict verdict = Verdict::kOk;
  std::string subject;
  std::string found;
  std::string advice;  ///< what to do; empty where all is well
};

/// Judges a configuration on a machine; touches nothing.
std::vector<Diagnosis> Diagnose(const ServeOptions& options, const Machine& machine);

/// A table for people, and a JSON document for programs: {"status": "ok" | "warn" | "fail", "checks": […]}.
std::string DiagnosesText(const std::vector<Diagnosis>& diagnoses);
std::string DiagnosesJson(const std::vector<Diagnosis>& diagnoses);
Diagnosis::Verdict WorstOf(const std::vector<Diagnosis>& diagnoses);

}  // namespace thalweg::app
