#include "thalweg/base/error.h"

#include <memory>

namespace thalweg {
namespace {

constexpr const char* kDetailTypeId = "thalweg::ErrorDetail";

class ErrorDetail : public arrow::StatusDetail {
 public:
  explicit ErrorDetail(ErrorCode code) : code_(code) {}
  const char* type_id() const override { return kDetailTypeId; }
  std::string ToString() const override { return std::string(ErrorName(code_)); }
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace

std::string_view ErrorName(ErrorCode code) {
  switch (code) {
#define X(number, constant, name, retriable) \
  case ErrorCode::constant: \
    return name;
    THALWEG_ERROR_CODES(X)
#undef X
  }
  return "UNLISTED_ERROR";
}

bool IsRetriable(ErrorCode code) {
  switch (code) {
#define X(number, constant, name, retriable) \
  case ErrorCode::constant: \
    return retriable;
    THALWEG_ERROR_CODES(X)
#undef X
  }
  return false;
}

arrow::Status MakeError(ErrorCode code, std::string message) {
  return {arrow::StatusCode::UnknownError, std::move(message), std::make_shared<ErrorDetail>(code)};
}

ErrorCode CodeOf(const arrow::Status& status) {
  if (status.ok()) return ErrorCode::kNone;
  if (const auto& detail = status.detail(); detail && detail->type_id() == kDetailTypeId) {
    return static_cast<const ErrorDetail&>(*detail).code();
  }
  return ErrorCode::kUnknownServerError;
}

}  // namespace thalweg
