#include "thalweg/app/engine_metrics.h"

#include <string>

namespace thalweg::app {
namespace {

using Stats = const tablet::EngineStats&;

/// Rows by key; `add` takes a name, what it means and how to read it.
void AddKvMetrics(const auto& add) {
  add("thalweg_kv_puts", "Batches of rows by key that were accepted, one for each bucket of a PUT_KV.",
      [](Stats s) { return s.kv.puts; });
  add("thalweg_kv_rows_put", "Rows in them, deletions included.", [](Stats s) { return s.kv.rows_put; });
  add("thalweg_kv_old_rows_asked", "Of those, rows whose key had to be looked for in a state on disk first.",
      [](Stats s) { return s.kv.old_rows_asked; });
  add("thalweg_kv_lookups", "Lookups, one for each bucket of a LOOKUP.", [](Stats s) { return s.kv.lookups; });
  add("thalweg_kv_keys_looked_up", "Keys in them.", [](Stats s) { return s.kv.keys_looked_up; });
  add("thalweg_kv_keys_from_state", "Of those, keys about which a state on disk had to be asked.",
      [](Stats s) { return s.kv.keys_from_state; });
  add("thalweg_kv_rows_scanned", "Rows found by PREFIX_LOOKUP, LIMIT_SCAN and SCAN_KV.",
      [](Stats s) { return s.kv.rows_scanned; });
  add("thalweg_kv_scans_opened", "Scans of whole buckets that were begun (SCAN_KV).",
      [](Stats s) { return s.kv.scans_opened; });
  add("thalweg_kv_scans_expired", "Of those, scans that time, a drop or the need for memory has ended.",
      [](Stats s) { return s.kv.scans_expired; });
  add("thalweg_kv_scans_open", "Of those, scans that are open now.", [](Stats s) { return s.kv.scans_open; });
  add("thalweg_kv_dirty_bytes", "Memory for rows that states on disk do not have yet, or that open scans keep.",
      [](Stats s) { return s.kv.dirty_bytes; });
  add("thalweg_kv_flushes", "Writes of such rows to a state on disk.", [](Stats s) { return s.kv.flushes; });
  add("thalweg_kv_rows_flushed", "Rows in them.", [](Stats s) { return s.kv.rows_flushed; });
  add("thalweg_kv_flush_failures", "Of those writes, failed ones; they are tried again.",
      [](Stats s) { return s.kv.flush_failures; });
  add("thalweg_kv_open_stores", "States on disk that are open.", [](Stats s) { return s.kv.stores_open; });
  add("thalweg_kv_store_hits", "Uses of a state that was open.", [](Stats s) { return s.kv.store_hits; });
  add("thalweg_kv_store_opens", "Uses of one that had to be opened.", [](Stats s) { return s.kv.store_opens; });
  add("thalweg_kv_store_evictions", "States that were closed to make room for another.",
      [](Stats s) { return s.kv.store_evictions; });
}

}  // namespace

void AddEngineMetrics(const tablet::Engine& engine, bool synced, runtime::Metrics& metrics) {
  const auto add = [&](const std::string& name, const std::string& help, auto read) {
    metrics.AddGaugeReader(name, help, [&engine, read] { return static_cast<double>(read(engine.stats())); });
  };
  add("thalweg_journal_commits", "Groups made durable, one synced write each.",
      [](Stats s) { return s.journal.groups; });
  add("thalweg_journal_entries", "Appends in those groups.", [](Stats s) { return s.journal.entries; });
  add("thalweg_journal_entry_bytes", "Bytes handed to the journal.", [](Stats s) { return s.journal.entry_bytes; });
  add("thalweg_journal_direct_bytes", "Of those, bytes that went straight to their segment.",
      [](Stats s) { return s.journal.direct_bytes; });
  add("thalweg_journal_device_bytes", "Bytes written to journal files, padding included.",
      [](Stats s) { return s.journal.device_bytes; });
  add("thalweg_journal_live_bytes", "Bytes of the ring that hold records which may still be needed.",
      [](Stats s) { return s.journal.live_bytes; });
  add("thalweg_journal_size_bytes", "Most bytes that the ring may hold.", [](Stats s) { return s.journal.bytes_max; });
  add("thalweg_journal_stalls", "Commits that waited for room in the ring.",
      [](Stats s) { return s.journal.ring_stalls; });
  add("thalweg_journal_sync_seconds_total", "Time in synced writes.",
      [](Stats s) { return static_cast<double>(s.journal.sync_ns_total) / 1e9; });
  add("thalweg_journal_sync_seconds", "A synced write takes about this long now.",
      [](Stats s) { return static_cast<double>(s.journal.sync_ns_average) / 1e9; });
  add("thalweg_unwritten_bytes", "Durable in the journal, not yet in a segment file.",
      [](Stats s) { return s.unwritten_bytes; });
  add("thalweg_open_segment_files", "Segment files that are open.", [](Stats s) { return s.open_files; });
  add("thalweg_buckets", "Buckets that hold or held records.", [](Stats s) { return s.buckets; });
  add("thalweg_segment_write_failures", "Writes of segments that failed and were tried again.",
      [](Stats s) { return s.write_failures; });
  add("thalweg_segment_sync_failures", "Syncs of segments that failed and were tried again.",
      [](Stats s) { return s.sync_failures; });
  add("thalweg_buckets_set_aside",
      "Buckets that are shut because their files kept failing; their records are set aside.",
      [](Stats s) { return s.buckets_set_aside; });
  add("thalweg_disk_free_bytes", "Free on the device of the data, as last measured; 0 where thalweg.disk.reserve is 0.",
      [](Stats s) { return s.disk_free_bytes; });
  add("thalweg_disk_low", "1: no more is free than thalweg.disk.reserve keeps, and nothing new is taken.",
      [](Stats s) { return s.disk_low ? 1 : 0; });
  add("thalweg_disk_refusals", "Appends that were refused because of that.", [](Stats s) { return s.disk_refusals; });
  add("thalweg_remote_segments",
      "In remote storage, named by a manifest; this and the next of buckets that were used since the start.",
      [](Stats s) { return s.remote_segments; });
  add("thalweg_remote_bytes", "Of batches in them.", [](Stats s) { return s.remote_bytes; });
  add("thalweg_remote_copied_segments", "Segments copied to remote storage.",
      [](Stats s) { return s.copied_segments; });
  add("thalweg_remote_copied_bytes", "Of batches in them.", [](Stats s) { return s.copied_bytes; });
  add("thalweg_remote_copy_failures",
      "Turns of a bucket, or removals of dropped data, that failed and are tried again in each round.",
      [](Stats s) { return s.tiering_failures; });
  add("thalweg_remote_expired_segments", "Segments that table.log.ttl has taken out of remote storage.",
      [](Stats s) { return s.expired_segments; });
  add("thalweg_kv_snapshots", "Snapshots of rows by key, of one bucket each, since the start.",
      [](Stats s) { return s.snapshots_taken; });
  add("thalweg_kv_snapshot_bytes", "Copied to remote storage for them: files that no earlier one had.",
      [](Stats s) { return s.snapshot_bytes; });
  add("thalweg_kv_snapshot_failures", "Snapshots that failed; each is tried again in the next round.",
      [](Stats s) { return s.snapshot_failures; });
  add("thalweg_remote_reads", "Reads from remote storage for clients.", [](Stats s) { return s.remote_reads; });
  add("thalweg_remote_read_failures", "Of those, failed ones.", [](Stats s) { return s.remote_read_failures; });
  add("thalweg_remote_read_memory_bytes", "Read from remote storage, or about to be, and not sent yet.",
      [](Stats s) { return s.remote_read_memory_bytes; });
  AddKvMetrics(add);
  metrics.AddGauge("thalweg_durability_synced", "1: acknowledged means on disk; 0: page-cache.").Set(synced ? 1 : 0);
}

}  // namespace thalweg::app
