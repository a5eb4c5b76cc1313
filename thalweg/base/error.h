#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/status.h"
#include "fmt/format.h"

namespace thalweg {

/// Every error that crosses a folder or the wire, with the number that Fluss clients know it by.
/// X(number, constant, name, retriable): a retriable error may go away when the same request is sent again.
#define THALWEG_ERROR_CODES(X) \
  X(-1, kUnknownServerError, "UNKNOWN_SERVER_ERROR", false) \
  X(0, kNone, "NONE", false) \
  X(1, kNetwork, "NETWORK", true) \
  X(2, kUnsupportedVersion, "UNSUPPORTED_VERSION", false) \
  X(3, kCorruptMessage, "CORRUPT_MESSAGE", true) \
  X(4, kDatabaseNotExist, "DATABASE_NOT_EXIST", false) \
  X(5, kDatabaseNotEmpty, "DATABASE_NOT_EMPTY", false) \
  X(6, kDatabaseAlreadyExist, "DATABASE_ALREADY_EXIST", false) \
  X(7, kTableNotExist, "TABLE_NOT_EXIST", false) \
  X(8, kTableAlreadyExist, "TABLE_ALREADY_EXIST", false) \
  X(9, kSchemaNotExist, "SCHEMA_NOT_EXIST", true) \
  X(10, kLogStorage, "LOG_STORAGE", true) \
  X(11, kKvStorage, "KV_STORAGE", true) \
  X(12, kNotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", true) \
  X(13, kRecordTooLarge, "RECORD_TOO_LARGE", false) \
  X(14, kCorruptRecord, "CORRUPT_RECORD", true) \
  X(15, kInvalidTable, "INVALID_TABLE", false) \
  X(16, kInvalidDatabase, "INVALID_DATABASE", false) \
  X(17, kInvalidReplicationFactor, "INVALID_REPLICATION_FACTOR", false) \
  X(18, kInvalidRequiredAcks, "INVALID_REQUIRED_ACKS", false) \
  X(19, kLogOffsetOutOfRange, "LOG_OFFSET_OUT_OF_RANGE", false) \
  X(20, kNonPrimaryKeyTable, "NON_PRIMARY_KEY_TABLE", false) \
  X(21, kUnknownTableOrBucket, "UNKNOWN_TABLE_OR_BUCKET", true) \
  X(22, kInvalidUpdateVersion, "INVALID_UPDATE_VERSION", false) \
  X(23, kInvalidCoordinator, "INVALID_COORDINATOR", false) \
  X(24, kFencedLeaderEpoch, "FENCED_LEADER_EPOCH", false) \
  X(25, kRequestTimeOut, "REQUEST_TIME_OUT", true) \
  X(26, kStorage, "STORAGE", true) \
  X(27, kOperationNotAttempted, "OPERATION_NOT_ATTEMPTED", false) \
  X(28, kNotEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true) \
  X(29, kNotEnoughReplicas, "NOT_ENOUGH_REPLICAS", true) \
  X(30, kSecurityToken, "SECURITY_TOKEN", false) \
  X(31, kOutOfOrderSequence, "OUT_OF_ORDER_SEQUENCE", false) \
  X(32, kDuplicateSequence, "DUPLICATE_SEQUENCE", false) \
  X(33, kUnknownWriterId, "UNKNOWN_WRITER_ID", false) \
  X(34, kInvalidColumnProjection, "INVALID_COLUMN_PROJECTION", false) \
  X(35, kInvalidTargetColumn, "INVALID_TARGET_COLUMN", false) \
  X(36, kPartitionNotExists, "PARTITION_NOT_EXISTS", false) \
  X(37, kTableNotPartitioned, "TABLE_NOT_PARTITIONED", false) \
  X(38, kInvalidTimestamp, "INVALID_TIMESTAMP", false) \
  X(39, kInvalidConfig, "INVALID_CONFIG", false) \
  X(40, kLakeStorageNotConfigured, "LAKE_STORAGE_NOT_CONFIGURED", false) \
  X(41, kKvSnapshotNotExist, "KV_SNAPSHOT_NOT_EXIST", false) \
  X(42, kPartitionAlreadyExists, "PARTITION_ALREADY_EXISTS", false) \
  X(43, kPartitionSpecInvalid, "PARTITION_SPEC_INVALID", false) \
  X(44, kLeaderNotAvailable, "LEADER_NOT_AVAILABLE", true) \
  X(45, kPartitionMaxNum, "PARTITION_MAX_NUM", false) \
  X(46, kAuthenticate, "AUTHENTICATE", false) \
  X(47, kSecurityDisabled, "SECURITY_DISABLED", false) \
  X(48, kAuthorization, "AUTHORIZATION", false) \
  X(49, kBucketMaxNum, "BUCKET_MAX_NUM", false) \
  X(50, kFencedTieringEpoch, "FENCED_TIERING_EPOCH", false) \
  X(51, kRetriableAuthenticate, "RETRIABLE_AUTHENTICATE", true) \
  X(52, kInvalidServerRackInfo, "INVALID_SERVER_RACK_INFO", false) \
  X(53, kLakeSnapshotNotExist, "LAKE_SNAPSHOT_NOT_EXIST", false) \
  X(54, kLakeTableAlreadyExist, "LAKE_TABLE_ALREADY_EXIST", false) \
  X(55, kIneligibleReplica, "INELIGIBLE_REPLICA", false) \
  X(56, kInvalidAlterTable, "INVALID_ALTER_TABLE", false) \
  X(57, kDeletionDisabled, "DELETION_DISABLED", false) \
  X(58, kServerNotExist, "SERVER_NOT_EXIST", false) \
  X(59, kServerTagAlreadyExist, "SERVER_TAG_ALREADY_EXIST", false) \
  X(60, kServerTagNotExist, "SERVER_TAG_NOT_EXIST", false) \
  X(61, kRebalanceFailure, "REBALANCE_FAILURE", false) \
  X(62, kNoRebalanceInProgress, "NO_REBALANCE_IN_PROGRESS", false) \
  X(63, kInvalidProducerId, "INVALID_PRODUCER_ID", false) \
  X(64, kConfig, "CONFIG", false) \
  X(65, kNotCoordinatorLeader, "NOT_COORDINATOR_LEADER", true) \
  X(66, kScannerExpired, "SCANNER_EXPIRED", false) \
  X(67, kUnknownScannerId, "UNKNOWN_SCANNER_ID", false) \
  X(68, kInvalidScanRequest, "INVALID_SCAN_REQUEST", false) \
  X(69, kTooManyScanners, "TOO_MANY_SCANNERS", false) \
  X(70, kDiskWriteLocked, "DISK_WRITE_LOCKED", true) \
  X(71, kInsufficientKvLeaderReplicaCapacity, "INSUFFICIENT_KV_LEADER_REPLICA_CAPACITY", false) \
  X(72, kStorageBackpressure, "STORAGE_BACKPRESSURE", true) \
  X(73, kHistoricalPartitionThrottled, "HISTORICAL_PARTITION_THROTTLED", true)

enum class ErrorCode : int16_t {
#define X(number, constant, name, retriable) constant = number,
  THALWEG_ERROR_CODES(X)
#undef X
};

/// Fluss's name of the code without the "_EXCEPTION" that some end with: "TABLE_NOT_EXIST", "STORAGE".
std::string_view ErrorName(ErrorCode code);

/// Whether a client may expect another outcome from sending the same request again.
bool IsRetriable(ErrorCode code);

/// A failed status that carries `code`. `message` tells the user what to do about it.
arrow::Status MakeError(ErrorCode code, std::string message);

/// As MakeError, with a format string: `Error(ErrorCode::kTableNotExist, "Table {} does not exist.", path)`.
template <typename... Args>
arrow::Status Error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return MakeError(code, fmt::format(format, std::forward<Args>(args)...));
}

/// kNone of an OK status; kUnknownServerError of a failure that nobody translated.
ErrorCode CodeOf(const arrow::Status& status);

}  // namespace thalweg
