#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "thalweg/app/config_option.h"
#include "thalweg/app/config_values.h"
#include "thalweg/app/memory_shares.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/table_options.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/security/plain_credentials.h"

namespace thalweg::app {
namespace {

using Text = const std::string&;

// No file of the ring is smaller than this: each takes the largest group of appends.
constexpr uint64_t kJournalMibMin = 16;
constexpr uint64_t kJournalMibMax = 1 << 20;
// Positions in a segment are 31 bits wide.
constexpr uint64_t kSegmentBytesMax = INT32_MAX;
constexpr uint64_t kReserveMibMax = 1 << 20;
constexpr uint64_t kMemoryMibMax = 16 << 20;
// DuckDB starts with less, and then can do next to nothing.
constexpr uint64_t kSqlMibMin = 32;

constexpr std::string_view kListenerJaasHead = "security.sasl.listener.name.";
constexpr std::string_view kListenerJaasTail = ".plain.jaas.config";

/// Reads a number from `min` to `max` into `to`.
template <typename T>
arrow::Status SetNumber(const std::string& value, int64_t min, int64_t max, T& to) {
  ARROW_ASSIGN_OR_RAISE(const int64_t n, ParseNumber(value, min, max));
  to = static_cast<T>(n);
  return arrow::Status::OK();
}

/// Users and passwords of all listeners.
arrow::Status SetCredentials(arrow::Result<security::PlainCredentials> credentials, ServeOptions& options) {
  if (options.listener_settings.credentials) {
    return Error(ErrorCode::kInvalidConfig,
                 "give security.sasl.plain.jaas.config or security.sasl.plain.credentials, not both.");
  }
  ARROW_ASSIGN_OR_RAISE(auto made, std::move(credentials));
  options.listener_settings.credentials = std::make_shared<const security::PlainCredentials>(std::move(made));
  return arrow::Status::OK();
}

/// Those of the one listener that stands in the option's name.
arrow::Status SetCredentialsOfListener(Text name, Text value, ServeOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto made, security::PlainCredentials::FromJaas(value));
  const size_t length = name.size() - kListenerJaasHead.size() - kListenerJaasTail.size();
  const std::string listener = name.substr(kListenerJaasHead.size(), length);
  options.listener_settings.credentials_of[listener] =
      std::make_shared<const security::PlainCredentials>(std::move(made));
  return arrow::Status::OK();
}

arrow::Status SetDataDirectory(Text, Text value, ServeOptions& options) {
  if (value.empty()) return Error(ErrorCode::kInvalidConfig, "the directory is missing.");
  options.data_directory = value;
  return arrow::Status::OK();
}

arrow::Status SetAuthorizerType(Text, Text value, ServeOptions&) {
  if (value == "default") return arrow::Status::OK();
  return Error(ErrorCode::kInvalidConfig, "\"{}\" is not there: the only authorizer is \"default\".", value);
}

arrow::Status SetSegmentBytes(Text, Text value, ServeOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const uint64_t bytes, ParseBytes(value));
  if (bytes == 0 || bytes > kSegmentBytesMax) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a size from 1b to 2047mb.", value);
  }
  options.segment_bytes = bytes;
  return arrow::Status::OK();
}

arrow::Status SetDurability(Text, Text value, ServeOptions& options) {
  if (value != "synced" && value != "page-cache") {
    return Error(ErrorCode::kInvalidConfig,
                 "\"{}\" is neither \"synced\" (acknowledged means on disk) nor \"page-cache\" (acknowledged data can "
                 "be lost when the machine loses power).",
                 value);
  }
  options.durability = value == "synced" ? journal::Durability::kSynced : journal::Durability::kPageCache;
  return arrow::Status::OK();
}

constexpr ConfigOption kOptions[] = {
    // Where clients connect.
    {"bind.listeners", "`FLUSS://127.0.0.1:9123`",
     "Where Fluss clients connect: `NAME://HOST:PORT`, several between commas. Names are free; options about "
     "security and `advertised.listeners` refer to them. `--listen` goes before it.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.listener_settings.bind, ParseListeners(value));
       return arrow::Status::OK();
     }},
    {"advertised.listeners", "the address bound",
     "What clients of a listener are told to connect to, in the same notation. Needed where they cannot use the "
     "address that is bound: behind address translation, in a container. Without it, a listener on all "
     "interfaces (`0.0.0.0`, `[::]`) tells each client the address at which that client has reached it.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.listener_settings.advertised, ParseListeners(value));
       return arrow::Status::OK();
     }},
    {"thalweg.flight.listener", "`127.0.0.1:9130`",
     "Where Arrow Flight clients connect: `HOST:PORT`, or `off`. `--flight` goes before it. See "
     "[flight.md](flight.md).",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.flight.reset();
       if (value == "off") return arrow::Status::OK();
       ARROW_ASSIGN_OR_RAISE(options.flight, net::Address::Parse(value));
       return arrow::Status::OK();
     }},
    {"security.protocol.map", "",
     "Which listeners ask for a password: `CLIENT:SASL, INTERNAL:PLAINTEXT`. One that is not named does not; but Arrow "
     "Flight's, which is called `FLIGHT` here, does where all others do.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.listener_settings.sasl, ParseProtocols(value));
       return arrow::Status::OK();
     }},
    {"security.sasl.enabled.mechanisms", "`PLAIN`", "How passwords are sent; there is only `PLAIN`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.listener_settings.plain_enabled, ParseMechanisms(value));
       return arrow::Status::OK();
     }},
    {"security.sasl.plain.jaas.config", "",
     "Users and passwords of SASL listeners: `org.apache.fluss.security.auth.sasl.plain.PlainLoginModule "
     "required user_NAME=\"PASSWORD\" user_OTHER=\"PASSWORD\";`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetCredentials(security::PlainCredentials::FromJaas(value), options);
     }},
    {"security.sasl.listener.name.*.plain.jaas.config", "",
     "The same for one listener, whose name in lower case stands for `*`; goes before the one for all.",
     SetCredentialsOfListener},
    {"security.sasl.plain.credentials", "", "The same in short: `NAME:PASSWORD,NAME:PASSWORD`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetCredentials(security::PlainCredentials::FromPairs(value), options);
     }},
    {"thalweg.tls.certificate", "",
     "File with the server's certificate, and those that vouch for it, in PEM. With it and the key the listeners of "
     "`thalweg.tls.listeners` speak TLS.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.tls.certificate_file = value;
       return arrow::Status::OK();
     }},
    {"thalweg.tls.key", "", "File with the key of that certificate, in PEM, without a passphrase.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.tls.key_file = value;
       return arrow::Status::OK();
     }},
    {"thalweg.tls.listeners", "`FLIGHT, HTTP`",
     "Which listeners speak TLS, and nothing else then: names of `bind.listeners`, `FLIGHT`, `HTTP`. Stock Fluss "
     "clients "
     "know no TLS: they need a proxy that does it for them.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       const auto names = SplitList(value, ',');
       options.tls.listeners = {names.begin(), names.end()};
       options.tls.listeners_given = true;
       return arrow::Status::OK();
     }},
    {"thalweg.tls.reload-interval", "`10s`",
     "How often the two files are looked at; `1s` to `1d`. When they have changed, new connections get the new "
     "certificate; Flight calls that last longer than 5 s are cut then. Files that do not fit together are reported "
     "and "
     "left for the next time.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.tls.reload_interval,
                             ParseDurationWithin(value, std::chrono::seconds(1), std::chrono::days(1)));
       return arrow::Status::OK();
     }},
    {"authorizer.enabled", "`false`",
     "`true`: nobody may do anything without a right, see [security.md](security.md). `false`: everybody may do "
     "everything.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.authorizer_enabled, schema::ParseBoolean(value));
       return arrow::Status::OK();
     }},
    {"authorizer.type", "`default`", "Only `default`.", SetAuthorizerType},
    {"super.users", "", "Who may do everything: `User:NAME;User:OTHER`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.policy.super_users, security::ParsePrincipals(value));
       return arrow::Status::OK();
     }},
    {"security.acl.principal.ignore-case", "`false`", "Whether `User:Bob` and `user:bob` are the same in rights.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.policy.ignore_case, schema::ParseBoolean(value));
       return arrow::Status::OK();
     }},
    {"thalweg.security.deny", "",
     "What is forbidden, whatever rights have been granted, and to super users too. Rules such as `User:bob READ,WRITE "
     "on "
     "table sales.orders` or `* DROP on cluster from 10.0.0.7`, with semicolons or line breaks between them.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.policy.deny, security::ParseDenyRules(value));
       return arrow::Status::OK();
     }},
    {"netty.connection.max-idle-time", "`10min`",
     "A connection without any traffic for this long is closed; `1s` to `365d`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(const auto time,
                             ParseDurationWithin(value, std::chrono::seconds(1), std::chrono::days(365)));
       options.limits.idle_ms_max = time.count();
       return arrow::Status::OK();
     }},
    {"netty.server.max-request-size", "`100mb`", "A longer request closes its connection; `1mb` to `100mb`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(const uint64_t bytes, ParseBytesWithin(value, 1, 100));
       options.limits.frame_bytes_max = static_cast<int64_t>(bytes);
       return arrow::Status::OK();
     }},
    // Tables.
    {"default.bucket.number", "1", "Buckets of a table that is created without saying; 1 to 4096.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 4096, options.catalog.rules.bucket_count_default);
     }},
    {"default.replication.factor", "1", "Only 1: there is one server. Tables that ask for more are refused.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 1, options.catalog.rules.replication_factor_default);
     }},
    {"max.bucket.num", "4096",
     "Most buckets of a table, over all its partitions; 1 to 1000000. (Fluss 0.9.1 has 128000, later versions "
     "4096.)",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 1'000'000, options.catalog.rules.bucket_count_max);
     }},
    {"max.partition.num", "1000", "Most partitions of a table; 1 to 100000.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 100'000, options.catalog.partition_count_max);
     }},
    {"auto-partition.check.interval", "`10min`",
     "How often tables with automatic partitions get those that are due and lose those that are too old; `1s` to `1d`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.auto_partition_interval,
                             ParseDurationWithin(value, std::chrono::seconds(1), std::chrono::days(1)));
       return arrow::Status::OK();
     }},
    {"datalake.format", "",
     "`paimon`, `lance`, `iceberg` or `hudi`: stamped on new tables that name none, as `table.datalake.format`, and so "
     "decides how their keys are encoded. Nothing is tiered in this version.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_RETURN_NOT_OK(schema::CheckOptionValue(*schema::FindTableOption(schema::kLakeFormat), value));
       options.catalog.rules.lake_format = value;
       return arrow::Status::OK();
     }},
    {"datalake.*", "", "Told to clients that ask for the cluster's options, such as Flink's catalog; not acted on.",
     [](Text, Text, ServeOptions&) { return arrow::Status::OK(); }},
    // Storage.
    {"data.dir", "`./thalweg-data`",
     "Directory for everything that is stored. It is made where missing; one with other files in it is refused. "
     "`--data` goes before it.",
     SetDataDirectory},
    {"log.retention.check-interval", "`5min`",
     "How often segments are looked for that are older than their table's `table.log.ttl`; `1s` to `1d`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.log_retention_interval,
                             ParseDurationWithin(value, std::chrono::seconds(1), std::chrono::days(1)));
       return arrow::Status::OK();
     }},
    {"log.segment.file-size", "`1gb`",
     "A segment file is closed before it grows beyond this; `1b` to `2047mb`. Below a megabyte it is for tests.",
     SetSegmentBytes},
    {"kv.scanner.ttl", "`10min`",
     "A scan of all rows of a bucket (SCAN_KV) of which nothing is asked for this long is over; `1s` to `1d`. After a "
     "minute, "
     "where the connection is gone.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(const auto time,
                             ParseDurationWithin(value, std::chrono::seconds(1), std::chrono::days(1)));
       options.scans.idle_ns = std::chrono::nanoseconds(time).count();
       return arrow::Status::OK();
     }},
    {"kv.scanner.max-per-bucket", "8", "Such scans of one bucket that may be open at once; 1 to 1000.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 1000, options.scans.per_bucket_max);
     }},
    {"kv.scanner.max-per-server", "200",
     "Of all buckets; 1 to 10000. They take at most half of the stores that are open, which makes 128.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 10'000, options.scans.open_max);
     }},
    {"kv.scanner.max-batch-size", "`10mb`",
     "Rows in one answer of such a scan take no more, unless it is a single one; `1mb` to `100mb`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(const uint64_t bytes, ParseBytesWithin(value, 1, 100));
       options.limits.scan_bytes_max = static_cast<int32_t>(bytes);
       return arrow::Status::OK();
     }},
    {"remote.data.dir", "",
     "Where closed segments are copied to, so that few have to stay on this server's disk: a directory, which clients "
     "read remote segments from under the same path, or an address such as `s3://bucket/folder?region=…`, which the "
     "server reads for them. Without it everything stays here.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.remote_data_directory = value;
       return arrow::Status::OK();
     }},
    {"s3.endpoint", "AWS", "Where an S3 store other than AWS's is: `http://HOST:PORT` or `https://HOST`.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.remote_login.endpoint = value;
       return arrow::Status::OK();
     }},
    {"s3.region", "", "The region of an S3 store. Without it a start has to ask the store.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.remote_login.region = value;
       return arrow::Status::OK();
     }},
    {"s3.access-key", "", "The key that an S3 store knows the server by; without it, what AWS's own tools would use.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.remote_login.access_key = value;
       return arrow::Status::OK();
     }},
    {"s3.secret-key", "", "The secret that goes with it. Neither is ever logged or sent to a client.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       options.remote_login.secret_key = value;
       return arrow::Status::OK();
     }},
    {"remote.log.task-interval-duration", "`1min`",
     "The pause between two rounds of copying; `0s` to `365d`. 0: nothing is copied, nor read from there.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(const auto time,
                             ParseDurationWithin(value, std::chrono::seconds(0), std::chrono::days(365)));
       options.remote_task_interval_ms = time.count();
       return arrow::Status::OK();
     }},
    {"remote.log-manager.thread-pool-size", "4", "Buckets that are copied from at the same time; 1 to 16.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 16, options.remote_copiers_max);
     }},
    {"remote.log.task-max-upload-segments", "5",
     "Segments of one bucket that are copied before the other buckets have their turn; 1 to 1000.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 1000, options.remote_segments_per_turn);
     }},
    {"remote.log.index-file-cache-size", "`64mb`",
     "Memory for the indexes and statistics of remote segments that were used last; `1mb` to `65536mb`. (Fluss keeps "
     "them in files, `1gb` of them.)",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.remote_index_cache_bytes, ParseBytesWithin(value, 1, 65536));
       return arrow::Status::OK();
     }},
    {"kv.snapshot.interval", "`10min`",
     "With `remote.data.dir`: the pause between two rounds of snapshots of the rows of tables with a primary key; `0s` "
     "to "
     "`365d`. What has not changed has no new one. 0: none are made.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(const auto time,
                             ParseDurationWithin(value, std::chrono::seconds(0), std::chrono::days(365)));
       options.snapshot_interval_ms = time.count();
       return arrow::Status::OK();
     }},
    {"kv.snapshot.num-retained", "2",
     "The latest snapshots of each bucket that stay; 1 to 1000. Readers that hold a lease keep others too.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 1, 1000, options.snapshots_retained);
     }},
    {"thalweg.disk.reserve", "`256mb`",
     "So much of the device is kept free: new data are refused while no more than that is left, reads go on, and "
     "writing "
     "goes on by itself once there is room; to `1048576mb`. 0: nothing is refused before the device is full.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.disk_reserve_bytes, ParseBytesWithin(value, 0, kReserveMibMax));
       return arrow::Status::OK();
     }},
    {"thalweg.durability", "`synced`",
     "`synced`: acknowledged means on disk. `page-cache`: acknowledged data survive a crash of the server, not "
     "a loss of power; the start-up lines and the metric `thalweg_durability_synced` say so.",
     SetDurability},
    {"thalweg.journal.size", "`1gb`",
     "Most bytes of the journal's ring, which grows on demand; `16mb` to `1048576mb`. Its files hold a quarter "
     "of it, from 16 to 64 MiB, and there are always two. New appends wait once 90 % are in use.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.journal_bytes, ParseBytesWithin(value, kJournalMibMin, kJournalMibMax));
       return arrow::Status::OK();
     }},
    {"thalweg.memory.budget", "half of the machine's, or of the control group's",
     "Memory for all that grows with load: requests, answers, records on their way to files, indexes, connections; "
     "`256mb` to `16777216mb`. What does not fit waits.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.memory_budget, ParseBytesWithin(value, kMemoryBudgetMin >> 20, kMemoryMibMax));
       return arrow::Status::OK();
     }},
    {"thalweg.sql.memory", "at most `512mb`, half of `thalweg.memory.budget` for all",
     "Memory that one statement in SQL may take, on top of `thalweg.memory.budget`; `32mb` to `16777216mb`. One that "
     "needs more fails. "
     "Sessions are 16 at most, fewer with a budget below 2 GiB.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.sql_memory_bytes, ParseBytesWithin(value, kSqlMibMin, kMemoryMibMax));
       return arrow::Status::OK();
     }},
    {"thalweg.sql.timeout", "`5min`",
     "Time that one statement in SQL may take, until its last row is read; to `365d`. 0: as long as it likes.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       ARROW_ASSIGN_OR_RAISE(options.sql_time_max,
                             ParseDurationWithin(value, std::chrono::seconds(0), std::chrono::days(365)));
       return arrow::Status::OK();
     }},
    {"thalweg.shards", "0", "Threads that serve requests; 0: one per core. May change from start to start.",
     [](Text, Text value, ServeOptions& options) -> arrow::Status {
       return SetNumber(value, 0, 1024, options.shards);
     }},
};

bool IsNamed(const ConfigOption& option, std::string_view name) {
  const size_t star = option.name.find('*');
  if (star == std::string_view::npos) return option.name == name;
  // What stands for the star is at least one character.
  return name.size() >= option.name.size() && name.starts_with(option.name.substr(0, star)) &&
         name.ends_with(option.name.substr(star + 1));
}

}  // namespace

std::span<const ConfigOption> ConfigOptions() { return kOptions; }

const ConfigOption* FindConfigOption(std::string_view name) {
  const auto* found = std::ranges::find_if(kOptions, [&](const ConfigOption& option) { return IsNamed(option, name); });
  return found == std::end(kOptions) ? nullptr : found;
}

}  // namespace thalweg::app
