#pragma once

#include <memory>
#include <string>

#include "thalweg/sql/definition.h"
#include "thalweg/sql/session.h"
#include "thalweg/sql/session_core_internal.h"

namespace thalweg::sql {

class DuckSession final : public Session {
 public:
  explicit DuckSession(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}
  ~DuckSession() override { core_->Close(); }

  arrow::Result<Answer> Execute(std::string_view text) override;
  arrow::Result<std::shared_ptr<Statement>> Prepare(std::string_view text) override;
  void Cancel() override;
  std::string database() const override { return core_->database(); }
  arrow::Status UseDatabase(const std::string& name) override;

 private:
  const std::shared_ptr<SessionCore> core_;
};

/// `text` is one statement.
arrow::Result<std::shared_ptr<Statement>> PrepareStatement(std::shared_ptr<SessionCore> core, std::string_view text);

}  // namespace thalweg::sql
