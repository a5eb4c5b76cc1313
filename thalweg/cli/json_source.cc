#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/table_builder.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/cli/value_text.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/terminal.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kLineBytesMax = 64 << 20;

/// One JSON object per line. Each read gives the lines that it completes, so rows of a pipe go on as they come.
class JsonLinesSource final : public RowSource {
 public:
  JsonLinesSource(std::unique_ptr<io::File> file, uint64_t size, const RowSourceOptions& options,
                  const schema::Schema& table)
      : file_(std::move(file)),
        size_(size),
        options_(options),
        table_(table),
        arrow_schema_(schema::ToArrowSchema(table)) {}

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    ARROW_ASSIGN_OR_RAISE(auto builder, arrow::RecordBatchBuilder::Make(arrow_schema_, arrow::default_memory_pool()));
    int64_t rows = 0;
    while (rows == 0 && !ended_) {
      ARROW_RETURN_NOT_OK(ReadMore());
      size_t from = 0;
      for (size_t end; (end = pending_.find('\n', from)) != std::string::npos; from = end + 1) {
        ARROW_ASSIGN_OR_RAISE(const bool added, AddLine({pending_.data() + from, end - from}, *builder));
        rows += added ? 1 : 0;
      }
      pending_.erase(0, from);
      if (ended_ && !pending_.empty()) {
        ARROW_ASSIGN_OR_RAISE(const bool added, AddLine(pending_, *builder));
        rows += added ? 1 : 0;
      }
      if (pending_.size() > kLineBytesMax) return Wrong(line_ + 1, "the line is longer than 64 MB.");
    }
    if (rows == 0) return nullptr;
    return builder->Flush();
  }

  double progress() const override {
    return size_ == 0 ? -1 : static_cast<double>(position_) / static_cast<double>(size_);
  }

 private:
  arrow::Status Wrong(uint64_t row, std::string_view what) const {
    return Error(ErrorCode::kInvalidTargetColumn, "{}: row {}: {}", NameOfInput(options_.path), row, what);
  }

  arrow::Status ReadMore() {
    const size_t before = pending_.size();
    pending_.resize(before + kReadBytes);
    const MutableByteView into{reinterpret_cast<uint8_t*>(pending_.data()) + before, kReadBytes};
    auto got = file_ ? file_->ReadAt(position_, into) : io::ReadStandardInput(into);
    pending_.resize(before + (got.ok() ? *got : 0));
    ARROW_RETURN_NOT_OK(got.status());
    position_ += *got;
    ended_ = *got == 0;
    return arrow::Status::OK();
  }

  arrow::Result<bool> AddLine(std::string_view line, arrow::RecordBatchBuilder& builder) {
    ++line_;
    if (std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) <= ' '; })) return false;
    Json json;
    try {
      json = Json::parse(line);
    } catch (const Json::exception& error) {
      // "[json.exception.parse_error.101] parse error at line 1, column 5: …": the part that tells something.
      const std::string_view what = error.what();
      return Wrong(line_, fmt::format("this is not JSON: {}",
                                      what.substr(what.find("column") != what.npos ? what.find("column") : 0)));
    }
    if (!json.is_object()) return Wrong(line_, "write one JSON object in each line: {\"column\": value, …}.");
    const auto& columns = table_.columns();
    size_t used = 0;
    for (size_t i = 0; i < columns.size(); ++i) {
      auto& to = *builder.GetField(static_cast<int>(i));
      const auto found = json.find(columns[i].name);
      used += found != json.end() ? 1 : 0;
      const auto status =
          found == json.end() ? AppendNullValue(columns[i].type, to) : AppendJsonValue(*found, columns[i].type, to);
      if (!status.ok()) return Wrong(line_, fmt::format("column {}: {}", columns[i].name, status.message()));
    }
    if (used < json.size() && !options_.ignore_unknown) return Unknown(json);
    return true;
  }

  arrow::Status Unknown(const Json& json) const {
    for (const auto& [name, value] : json.items()) {
      if (!table_.IndexOf(name)) {
        return Wrong(line_, fmt::format("the table has no column '{}' (--ignore-unknown leaves such out).", name));
      }
    }
    return Wrong(line_, "a column is named twice.");
  }

  const std::unique_ptr<io::File> file_;  ///< null: standard input
  const uint64_t size_;
  const RowSourceOptions options_;
  const schema::Schema& table_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  std::string pending_;
  uint64_t position_ = 0;
  uint64_t line_ = 0;
  bool ended_ = false;
};

}  // namespace

arrow::Result<std::unique_ptr<RowSource>> OpenJsonLines(io::FileSystem& fs, const RowSourceOptions& options,
                                                        const schema::Schema& table) {
  std::unique_ptr<io::File> file;
  uint64_t size = 0;
  if (options.path != "-") {
    ARROW_ASSIGN_OR_RAISE(file, fs.Open(options.path, {}));
    ARROW_ASSIGN_OR_RAISE(size, file->Size());
  }
  return std::make_unique<JsonLinesSource>(std::move(file), size, options, table);
}

}  // namespace thalweg::cli
