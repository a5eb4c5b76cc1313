#include <utility>

#include "thalweg/sql/duck_session_internal.h"

namespace thalweg::sql {

arrow::Result<Answer> DuckSession::Execute(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const auto statement, PrepareStatement(core_, text));
  return statement->Execute(nullptr);
}

arrow::Result<std::shared_ptr<Statement>> DuckSession::Prepare(std::string_view text) {
  return PrepareStatement(core_, text);
}

void DuckSession::Cancel() { core_->Cancel(arrow::Status::Cancelled("The statement was cancelled.")); }

arrow::Status DuckSession::UseDatabase(const std::string& name) {
  return core_->Run([&] {
    ARROW_RETURN_NOT_OK(core_->Begin());
    core_->End();
    return core_->SetDatabase(name);
  });
}

}  // namespace thalweg::sql
