#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/util/value_parsing.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/column_choice.h"
#include "thalweg/cli/command.h"
#include "thalweg/cli/output.h"
#include "thalweg/cli/progress_bar.h"
#include "thalweg/cli/row_sink.h"
#include "thalweg/cli/server_access.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/log_reader.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/io/terminal.h"
#include "thalweg/runtime/signals.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::cli {
namespace {

// New partitions of a followed table are looked for this often.
constexpr int32_t kWaitMs = 1'000;

struct ConsumeArguments {
  ServerAccess access;
  std::string table;
  std::string from = "earliest";
  std::string until = "latest";
  std::vector<std::string> columns;
  std::string partition;
  std::string format;
  std::string output;
  std::optional<int64_t> limit;
  bool follow = false;
  bool with_position = false;
  bool quiet = false;
};

/// Where reading begins, or ends.
struct Place {
  client::OffsetKind kind = client::OffsetKind::kEarliest;
  int64_t timestamp_ms = 0;
  std::optional<LogOffset> offset;
};

arrow::Result<Place> ParsePlace(std::string_view option, const std::string& text) {
  if (text == "earliest") return Place{};
  if (text == "latest") return Place{.kind = client::OffsetKind::kLatest};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0) {
    return Place{.offset = LogOffset(number)};
  }
  bool zoned = false;
  if (arrow::internal::ParseTimestampISO8601(text.data(), text.size(), arrow::TimeUnit::MILLI, &number, &zoned)) {
    return Place{.kind = client::OffsetKind::kTimestamp, .timestamp_ms = number};
  }
  return Error(ErrorCode::kInvalidConfig,
               "{} {}: write earliest, latest, an offset, or a time such as 2026-11-22T09:30:00Z.", option, text);
}

/// As Fluss and Flink write it.
std::string_view SignOf(format::ChangeType change) {
  switch (change) {
    case format::ChangeType::kAppend:
      return "+A";
    case format::ChangeType::kInsert:
      return "+I";
    case format::ChangeType::kUpdateBefore:
      return "-U";
    case format::ChangeType::kUpdateAfter:
      return "+U";
    case format::ChangeType::kDelete:
      return "-D";
  }
  return "?";
}

/// One run of `thalweg consume`.
class Consumption {
 public:
  Consumption(const ConsumeArguments& arguments, client::Connection& connection, client::TableInfo table, Place start,
              Place end)
      : arguments_(arguments), connection_(connection), table_(std::move(table)), start_(start), end_(end) {}

  arrow::Status Run() {
    ARROW_ASSIGN_OR_RAISE(auto positions, ChosenColumns(arguments_.columns, table_));
    ARROW_ASSIGN_OR_RAISE(reader_, client::LogReader::Make(connection_, table_, positions));
    ARROW_RETURN_NOT_OK(AddPartitions(true));
    ARROW_ASSIGN_OR_RAISE(const RowFormat format, Format());
    // Not before all else is known to be right: what the file held is gone then.
    io::PosixFileSystem fs;
    ARROW_ASSIGN_OR_RAISE(output_, Output::Open(fs, arguments_.output));
    ARROW_ASSIGN_OR_RAISE(sink_, RowSink::Open(format, OutputColumns(positions), *output_));
    // A bar over rows that scroll by would only be in the way.
    ProgressBar bar("consumed", arguments_.quiet || arguments_.follow || output_->to_terminal());
    ARROW_RETURN_NOT_OK(Read(bar));
    return sink_->Finish();
  }

 private:
  arrow::Result<RowFormat> Format() const {
    if (!arguments_.format.empty()) return ParseRowFormat(arguments_.format);
    if (!arguments_.output.empty() && arguments_.output != "-") return FormatOfFile(arguments_.output);
    return io::IsTerminal(io::StandardStream::kOutput) ? RowFormat::kTable : RowFormat::kJsonLines;
  }

  std::vector<schema::Column> OutputColumns(const std::vector<int32_t>& positions) const {
    std::vector<schema::Column> columns;
    if (table_.descriptor.HasPrimaryKey()) {
      columns.push_back({.name = "_change", .type = schema::MakeType(schema::TypeKind::kString)});
    }
    if (arguments_.with_position) {
      if (table_.descriptor.IsPartitioned()) {
        columns.push_back({.name = "_partition", .type = schema::MakeType(schema::TypeKind::kString)});
      }
      columns.push_back({.name = "_bucket", .type = schema::MakeType(schema::TypeKind::kInt)});
      columns.push_back({.name = "_offset", .type = schema::MakeType(schema::TypeKind::kBigInt)});
      columns.push_back({.name = "_time", .type = schema::MakeTime(schema::TypeKind::kTimestampLtz, 3)});
    }
    const auto& all = table_.descriptor.schema.columns();
    if (positions.empty()) columns.insert(columns.end(), all.begin(), all.end());
    for (const int32_t position : positions) columns.push_back(all[static_cast<size_t>(position)]);
    return columns;
  }

  /// Partitions that are not read yet, from their first row on where they came later than this command.
  arrow::Status AddPartitions(bool at_start) {
    std::vector<client::PartitionInfo> parts{{kNoPartition, {}}};
    if (table_.descriptor.IsPartitioned()) {
      ARROW_ASSIGN_OR_RAISE(parts, client::ListPartitions(connection_, table_));
    } else if (!at_start) {
      return arrow::Status::OK();
    }
    bool found = arguments_.partition.empty();
    for (const auto& part : parts) {
      if (!arguments_.partition.empty() && part.name() != arguments_.partition) continue;
      found = true;
      if (partitions_.contains(part.id)) continue;
      ARROW_RETURN_NOT_OK(AddBuckets(part, at_start));
      partitions_[part.id] = part.name();
    }
    if (found || arguments_.follow) return arrow::Status::OK();
    return Error(ErrorCode::kPartitionNotExists, "{} has no partition {}.", table_.path, arguments_.partition);
  }

  arrow::Status AddBuckets(const client::PartitionInfo& part, bool at_start) {
    ARROW_ASSIGN_OR_RAISE(const auto earliest,
                          client::ListOffsets(connection_, table_, part.id, client::OffsetKind::kEarliest));
    ARROW_ASSIGN_OR_RAISE(const auto latest,
                          client::ListOffsets(connection_, table_, part.id, client::OffsetKind::kLatest));
    const auto offsets_at = [&](const Place& place) -> arrow::Result<std::vector<LogOffset>> {
      if (place.kind == client::OffsetKind::kTimestamp) {
        return client::ListOffsets(connection_, table_, part.id, place.kind, place.timestamp_ms);
      }
      std::vector<LogOffset> offsets = place.kind == client::OffsetKind::kLatest ? latest : earliest;
      for (size_t i = 0; place.offset && i < offsets.size(); ++i) {
        offsets[i] = std::clamp(*place.offset, earliest[i], latest[i]);
      }
      return offsets;
    };
    ARROW_ASSIGN_OR_RAISE(const auto from,
                          at_start ? offsets_at(start_) : arrow::Result<std::vector<LogOffset>>(earliest));
    ARROW_ASSIGN_OR_RAISE(const auto end, offsets_at(end_));
    for (size_t i = 0; i < from.size(); ++i) {
      client::BucketRange range{.partition = part.id, .bucket = BucketId(static_cast<int32_t>(i)), .from = from[i]};
      if (!arguments_.follow) {
        if (end[i] <= from[i]) continue;
        range.end = end[i];
        total_ += end[i] - from[i];
      }
      reader_->Add(range);
    }
    return arrow::Status::OK();
  }

  arrow::Status Read(ProgressBar& bar) {
    const int64_t limit = arguments_.limit.value_or(std::numeric_limits<int64_t>::max());
    const double total = static_cast<double>(std::min(total_, limit));
    while (read_ < limit && !output_->ended() && (arguments_.follow || !reader_->done())) {
      ARROW_ASSIGN_OR_RAISE(const auto fetched, reader_->Next(kWaitMs));
      for (const auto& part : fetched) {
        if (read_ == limit) break;
        auto rows = part.rows->Slice(0, limit - read_);
        read_ += rows->num_rows();
        ARROW_ASSIGN_OR_RAISE(rows, WithOrigin(part, *rows));
        ARROW_RETURN_NOT_OK(sink_->Write(rows));
      }
      bar.Update(static_cast<uint64_t>(read_), arguments_.follow ? -1 : static_cast<double>(read_) / total);
      if (!arguments_.follow) continue;
      if (fetched.empty()) {
        ARROW_RETURN_NOT_OK(AddPartitions(false));
        // A partitioned table may have no partition yet: nothing would wait then.
        if (reader_->done()) connection_.Sleep(std::chrono::milliseconds(kWaitMs));
      }
    }
    return arrow::Status::OK();
  }

  /// `rows` behind the columns that say where they come from and what they changed, as far as those are wanted.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> WithOrigin(const client::FetchedRows& part,
                                                                const arrow::RecordBatch& rows) const {
    arrow::ArrayVector columns;
    if (table_.descriptor.HasPrimaryKey()) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), Changes(part, rows.num_rows()));
    }
    if (arguments_.with_position) ARROW_RETURN_NOT_OK(AppendPosition(part, rows.num_rows(), &columns));
    columns.insert(columns.end(), rows.columns().begin(), rows.columns().end());
    arrow::FieldVector fields;
    for (const auto& column : OutputColumns(Chosen())) fields.push_back(schema::ToArrowField(column.name, column.type));
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows.num_rows(), std::move(columns));
  }

  static arrow::Result<std::shared_ptr<arrow::Array>> Changes(const client::FetchedRows& part, int64_t count) {
    arrow::StringBuilder changes;
    for (int64_t row = 0; row < count; ++row) {
      ARROW_RETURN_NOT_OK(changes.Append(SignOf(part.changes.at(static_cast<size_t>(row)))));
    }
    return changes.Finish();
  }

  arrow::Status AppendPosition(const client::FetchedRows& part, int64_t count, arrow::ArrayVector* columns) const {
    arrow::StringBuilder partitions;
    arrow::Int32Builder buckets;
    arrow::Int64Builder offsets;
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI), arrow::default_memory_pool());
    const auto name = partitions_.find(part.partition);
    for (int64_t row = 0; row < count; ++row) {
      ARROW_RETURN_NOT_OK(partitions.Append(name == partitions_.end() ? "" : name->second));
      ARROW_RETURN_NOT_OK(buckets.Append(part.bucket.value));
      ARROW_RETURN_NOT_OK(offsets.Append((part.first + row).value));
      ARROW_RETURN_NOT_OK(times.Append(part.commit_timestamp_ms));
    }
    if (table_.descriptor.IsPartitioned()) {
      ARROW_ASSIGN_OR_RAISE(columns->emplace_back(), partitions.Finish());
    }
    ARROW_ASSIGN_OR_RAISE(columns->emplace_back(), buckets.Finish());
    ARROW_ASSIGN_OR_RAISE(columns->emplace_back(), offsets.Finish());
    ARROW_ASSIGN_OR_RAISE(columns->emplace_back(), times.Finish());
    return arrow::Status::OK();
  }

  std::vector<int32_t> Chosen() const { return ChosenColumns(arguments_.columns, table_).ValueOrDie(); }

  const ConsumeArguments& arguments_;
  client::Connection& connection_;
  const client::TableInfo table_;
  const Place start_;
  const Place end_;
  std::unique_ptr<client::LogReader> reader_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<RowSink> sink_;
  std::map<PartitionId, std::string> partitions_;  ///< being read, or read
  int64_t total_ = 0;
  int64_t read_ = 0;
};

arrow::Status Consume(const ConsumeArguments& arguments) {
  runtime::IgnoreBrokenPipes();
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.table));
  ARROW_ASSIGN_OR_RAISE(const Place start, ParsePlace("--from", arguments.from));
  ARROW_ASSIGN_OR_RAISE(const Place end, ParsePlace("--until", arguments.until));
  if (arguments.follow && arguments.until != "latest") {
    return Error(ErrorCode::kInvalidConfig, "--follow goes on without an end: leave --until out.");
  }
  if (arguments.limit && *arguments.limit < 0) {
    return Error(ErrorCode::kInvalidConfig, "--limit {}: write how many rows, 0 or more.", *arguments.limit);
  }
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  ARROW_ASSIGN_OR_RAISE(const auto table, client::GetTable(*connection, path));
  return Consumption(arguments, *connection, table, start, end).Run();
}

}  // namespace

void AddConsumeCommand(CLI::App& app, Action* action) {
  const auto arguments = std::make_shared<ConsumeArguments>();
  CLI::App* consume =
      app.add_subcommand("consume", "Print the rows of a log table, or the changes of one with a primary key");
  consume->add_option("TABLE", arguments->table, "NAME, or DATABASE.NAME")->required()->type_name("");
  consume->add_option("--from", arguments->from, "earliest (default), latest, an offset, or a time (UTC without zone)")
      ->type_name("WHERE");
  consume->add_option("--until", arguments->until, "What comes before it: likewise, latest by default")
      ->type_name("WHERE");
  consume->add_option("-c,--columns", arguments->columns, "Only these columns, in this order")
      ->delimiter(',')
      ->type_name("COLUMN,…");
  consume->add_option("--partition", arguments->partition, "Only this partition")->type_name("NAME");
  consume->add_option("-n,--limit", arguments->limit, "Stop after so many rows")->type_name("ROWS");
  consume->add_flag("-F,--follow", arguments->follow, "Go on with rows, or changes, as they come");
  consume->add_flag("--with-position", arguments->with_position, "Add bucket, offset and time of each row");
  consume->add_option("-f,--format", arguments->format, "table (default on a terminal), json (else), csv or parquet")
      ->type_name("FORMAT");
  consume->add_option("-o,--output", arguments->output, "Write to a file; its name may tell the format")
      ->type_name("FILE");
  consume->add_flag("-q,--quiet", arguments->quiet, "No progress");
  arguments->access.AddTo(*consume);
  consume->callback([=] { *action = [=] { return Consume(*arguments); }; });
}

}  // namespace thalweg::cli
