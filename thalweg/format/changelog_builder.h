#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/arrow_metadata.h"
#include "thalweg/format/body_compressor.h"
#include "thalweg/format/column_buffers.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/row_view.h"
#include "thalweg/format/row_writer.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::format {

/// Builds the log batch that one write to a bucket of a primary-key table becomes: its changes in order, as rows of the
/// table's latest schema, in the table's log format, of magic 0, byte for byte what Fluss's server would log (compressed
/// buffers apart, which decompress to the same).
///
///   builder->Start();
///   ARROW_RETURN_NOT_OK(builder->Append(ChangeType::kUpdateBefore, old_row));
///   ARROW_RETURN_NOT_OK(builder->Append(ChangeType::kUpdateAfter, new_row));
///   ARROW_ASSIGN_OR_RAISE(Bytes batch, builder->Finish(writer, sequence));   // base offset and time: AssignOffset()
///
/// Made once for a table's schema version and used for any of its buckets, one batch after the other: buffers keep the
/// memory of the largest, so one that is no longer needed is best destroyed. Thread safety: none.
class ChangelogBuilder {
 public:
  struct Options {
    schema::LogFormat log_format = schema::LogFormat::kArrow;
    schema::CompressionType compression = schema::CompressionType::kZstd;
    int32_t zstd_level = 3;
    RowFormat row_format = RowFormat::kCompacted;  ///< of the rows appended
    SchemaId schema_id;
  };
  /// What a table's options say.
  static Options OptionsOf(const schema::TableConfig& config, SchemaId schema_id);

  /// `schema` is the one with that id. INVALID_TABLE for an INDEXED log of COMPACTED rows, which Fluss does not have either.
  static arrow::Result<std::unique_ptr<ChangelogBuilder>> Make(const schema::Schema& schema, const Options& options);

  /// Forgets what was appended.
  void Start();
  /// Copies `row`, read as a row of the builder's schema. Only Start() may follow a failure:
  ///   CORRUPT_RECORD: a nested value is not sound.
  ///   INVALID_TABLE: an ARROW log cannot hold a value as it is: a DECIMAL has too many digits, a BINARY is shorter or longer
  ///   than its type says, a MAP has a null key. (Fractions of a second that the type has no digits for are cut off, as Fluss does.)
  ///   RECORD_TOO_LARGE: the batch would pass 2 GiB.
  arrow::Status Append(ChangeType change_type, const RowView& row);
  int32_t record_count() const { return static_cast<int32_t>(change_types_.size()); }
  /// What the batch would take now, uncompressed: no less than what Finish() gives, but for a few bytes a buffer.
  size_t estimated_bytes() const;

  /// The batch. Without records it is an empty one, which takes an offset too and carries writer and sequence.
  arrow::Result<Bytes> Finish(WriterId writer_id, int32_t batch_sequence);

 private:
  ChangelogBuilder(const schema::Schema& schema, const Options& options, BodyCompressor compressor);

  arrow::Status AppendRecord(ChangeType change_type, const RowView& row);
  arrow::Result<Bytes> FinishArrow(const BatchHeader& header);
  void WriteMetadata(int64_t row_count, uint8_t* to) const;

  Options options_;
  RowLayout layout_;
  std::vector<uint8_t> change_types_;

  // ARROW
  std::vector<ColumnBuffers> columns_;
  ColumnBuffers::Parts parts_;
  BodyCompressor compressor_;
  std::optional<ArrowMetadataTemplate> metadata_;

  // INDEXED and COMPACTED
  RowWriter padded_;  ///< a row that has to be written anew
  std::vector<uint8_t> records_;
};

}  // namespace thalweg::format
