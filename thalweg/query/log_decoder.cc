#include <algorithm>
#include <optional>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/util.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/format/arrow_columns.h"
#include "thalweg/format/row_columns.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/row_records.h"
#include "thalweg/format/row_view.h"
#include "thalweg/query/log_decoder_internal.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::query {
namespace {

format::RowFormat RowFormatOf(schema::LogFormat format) {
  return format == schema::LogFormat::kIndexed ? format::RowFormat::kIndexed : format::RowFormat::kCompacted;
}

}  // namespace

struct LogDecoder::Version {
  /// Of an ARROW log: the columns that there are, and at which place among those asked for each stands.
  std::optional<format::ArrowColumns> arrow;
  std::vector<size_t> places;
  /// Of a log of rows.
  std::optional<format::RowLayout> layout;
  std::optional<format::RowColumns> rows;
  format::RowView view;
};

LogDecoder::LogDecoder(const Environment& environment, catalog::TablePtr table, std::vector<int> columns)
    : environment_(environment), table_(std::move(table)), columns_(std::move(columns)) {}
LogDecoder::~LogDecoder() = default;

arrow::Result<std::unique_ptr<LogDecoder>> LogDecoder::Make(const Environment& environment, catalog::TablePtr table,
                                                            std::vector<int> columns) {
  ARROW_ASSIGN_OR_RAISE(const auto* config, table->layout->Config());
  std::unique_ptr<LogDecoder> made(new LogDecoder(environment, std::move(table), std::move(columns)));
  made->format_ = config->log_format;
  return made;
}

std::shared_ptr<const schema::Schema> LogDecoder::FindSchema(SchemaId id) {
  if (auto found = table_->FindSchema(id)) return found;
  // The table has got a new version since it was found.
  const auto latest = environment_.catalog.view()->FindTable(table_->id);
  return latest ? latest->FindSchema(id) : nullptr;
}

arrow::Result<LogDecoder::Version*> LogDecoder::VersionOf(SchemaId id) {
  auto& known = versions_[id];
  if (known) return known.get();
  const auto stored = FindSchema(id);
  if (!stored) {
    return Error(ErrorCode::kSchemaNotExist, "{} has no schema version {}, which a batch names.", table_->path, id);
  }
  auto version = std::make_unique<Version>();
  const auto& wanted = table_->schema().columns();
  if (format_ == schema::LogFormat::kArrow) {
    std::vector<int> present;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto at = stored->IndexOfId(wanted[static_cast<size_t>(columns_[i])].id);
      if (!at) continue;
      present.push_back(static_cast<int>(*at));
      version->places.push_back(i);
    }
    ARROW_ASSIGN_OR_RAISE(auto columns, format::ArrowColumns::Make(schema::ToArrowSchema(*stored), std::move(present)));
    version->arrow.emplace(std::move(columns));
  } else if (!columns_.empty()) {
    schema::Schema::Parts parts;
    std::vector<schema::DataType> types;
    for (const int column : columns_) {
      parts.columns.push_back(wanted[static_cast<size_t>(column)]);
      types.push_back(parts.columns.back().type);
    }
    ARROW_ASSIGN_OR_RAISE(const auto read_as, schema::Schema::Make(std::move(parts)));
    version->layout.emplace(RowFormatOf(format_), *stored, read_as);
    version->rows.emplace(std::move(types), RowFormatOf(format_));
  }
  known = std::move(version);
  return known.get();
}

arrow::Status LogDecoder::DecodeRows(const format::LogBatchView& batch, Version& version, bool with_change_types,
                                     DecodedBatch* to) const {
  ByteView rest = batch.body();
  const auto read = [&]() -> arrow::Status {
    for (int32_t i = 0; i < batch.header.record_count; ++i) {
      ARROW_ASSIGN_OR_RAISE(const auto record, format::NextRowRecord(&rest));
      if (with_change_types) to->change_types.push_back(record.change_type);
      if (!version.rows) continue;
      ARROW_RETURN_NOT_OK(version.view.Reset(*version.layout, record.row));
      ARROW_RETURN_NOT_OK(version.rows->Append(version.view));
    }
    return arrow::Status::OK();
  };
  arrow::Status status = read();
  if (version.rows) {
    auto columns = version.rows->Finish();
    ARROW_RETURN_NOT_OK(status);
    ARROW_ASSIGN_OR_RAISE(to->columns, std::move(columns));
  }
  return status;
}

bool LogDecoder::ReadsInPart() const {
  // Text of changelogs is taken as it is, which is right for bytes whose CRC was verified (format::BatchOrigin).
  return format_ == schema::LogFormat::kArrow && !table_->descriptor->HasPrimaryKey() &&
         columns_.size() < table_->schema().column_count();
}

size_t LogDecoder::ColumnsForOne() const {
  return table_->schema().column_count() / std::max<size_t>(columns_.size(), 1);
}

arrow::Result<DecodedBatch> LogDecoder::Decode(const format::LogBatchView& batch,
                                               const std::shared_ptr<const void>& owner, bool with_change_types,
                                               const format::ArrowColumns::Load& load) {
  ARROW_ASSIGN_OR_RAISE(Version* const version, VersionOf(batch.header.schema_id));
  DecodedBatch decoded{.rows = batch.header.record_count};
  if (format_ != schema::LogFormat::kArrow) {
    ARROW_RETURN_NOT_OK(DecodeRows(batch, *version, with_change_types, &decoded));
    return decoded;
  }
  if (with_change_types) {
    ARROW_ASSIGN_OR_RAISE(const ByteView types, format::ArrowChangeTypes(batch));
    for (const uint8_t type : types) {
      if (type > static_cast<uint8_t>(format::ChangeType::kDelete)) {
        return Error(ErrorCode::kCorruptRecord, "The batch has a change of kind {}.", type);
      }
      decoded.change_types.push_back(static_cast<format::ChangeType>(type));
    }
  }
  const auto origin =
      table_->descriptor->HasPrimaryKey() ? format::BatchOrigin::kOwnChangelog : format::BatchOrigin::kAnybody;
  ARROW_ASSIGN_OR_RAISE(auto present, version->arrow->Decode(batch, owner, origin, load));
  decoded.columns.resize(columns_.size());
  for (size_t i = 0; i < present.size(); ++i) decoded.columns[version->places[i]] = std::move(present[i]);
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (decoded.columns[i]) continue;
    const auto& column = table_->schema().columns()[static_cast<size_t>(columns_[i])];
    ARROW_ASSIGN_OR_RAISE(decoded.columns[i], arrow::MakeArrayOfNull(schema::ToArrowType(column.type), decoded.rows));
  }
  return decoded;
}

}  // namespace thalweg::query
