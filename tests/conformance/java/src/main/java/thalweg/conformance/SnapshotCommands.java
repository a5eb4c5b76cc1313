package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.lookup.Lookuper;
import org.apache.fluss.client.metadata.KvSnapshotMetadata;
import org.apache.fluss.client.metadata.KvSnapshots;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.ScanRecord;
import org.apache.fluss.client.table.scanner.batch.BatchScanner;
import org.apache.fluss.client.table.scanner.log.LogScanner;
import org.apache.fluss.client.table.writer.UpsertWriter;
import org.apache.fluss.metadata.PartitionInfo;
import org.apache.fluss.metadata.TableBucket;
import org.apache.fluss.metadata.TableInfo;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.types.RowType;
import org.apache.fluss.utils.CloseableIterator;

/** Snapshots of tables with a primary key, read as engines read them: the files of a snapshot, then the changelog from its offset. */
final class SnapshotCommands implements CommandSet {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration GIVE_UP = Duration.ofSeconds(30);

    private final Connection connection;
    private final Admin admin;

    SnapshotCommands(Connection connection, Admin admin) {
        this.connection = connection;
        this.admin = admin;
    }

    @Override
    public JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "write_rows":
                return writeRows(request);
            case "rows_by_key":
                return rowsByKey(request);
            case "latest_snapshots":
                return latestSnapshots(request);
            case "snapshot_files":
                return snapshotFiles(request);
            case "scan_snapshot":
                return scanSnapshot(request);
            case "scan_changes":
                return scanChanges(request);
            case "acquire_lease":
                return acquireLease(request);
            case "drop_lease":
                admin.createKvSnapshotLease(request.get("lease").textValue(), 1).dropLease().get();
                return JSON.booleanNode(true);
            default:
                return null;
        }
    }

    /** Upserts "rows", then deletes those with the keys of "deleted"; returns once all is acknowledged. */
    private JsonNode writeRows(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            RowType type = table.getTableInfo().getRowType();
            UpsertWriter writer = table.newUpsert().createWriter();
            List<CompletableFuture<?>> acknowledgements = new ArrayList<>();
            for (JsonNode row : request.path("rows")) {
                acknowledgements.add(writer.upsert(Values.row(type, row)));
            }
            for (JsonNode row : request.path("deleted")) {
                acknowledgements.add(writer.delete(Values.row(type, row)));
            }
            writer.flush();
            for (CompletableFuture<?> acknowledgement : acknowledgements) {
                acknowledgement.get();
            }
            return JSON.numberNode(acknowledgements.size());
        }
    }

    /** The row of each of "keys", or null. */
    private JsonNode rowsByKey(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            RowType type = table.getTableInfo().getRowType();
            RowType keyType = keyType(table.getTableInfo());
            Lookuper lookuper = table.newLookup().createLookuper();
            ArrayNode rows = JSON.arrayNode();
            for (JsonNode key : request.get("keys")) {
                InternalRow row = lookuper.lookup(Values.row(keyType, key)).get().getSingletonRow();
                if (row == null) {
                    rows.addNull();
                } else {
                    rows.add(Values.json(type, row));
                }
            }
            return rows;
        }
    }

    private static RowType keyType(TableInfo info) {
        RowType type = info.getRowType();
        return type.project(info.getPrimaryKeys().stream().mapToInt(type::getFieldIndex).toArray());
    }

    /** Of every bucket: {partition_id, bucket, snapshot, offset}, the last two null where there is none. */
    private JsonNode latestSnapshots(JsonNode request) throws Exception {
        ArrayNode found = JSON.arrayNode();
        TableInfo info = admin.getTableInfo(AdminCommands.table(request)).get();
        List<KvSnapshots> all = new ArrayList<>();
        if (info.isPartitioned()) {
            for (PartitionInfo partition : admin.listPartitionInfos(info.getTablePath()).get()) {
                all.add(admin.getLatestKvSnapshots(info.getTablePath(), partition.getPartitionName()).get());
            }
        } else {
            all.add(admin.getLatestKvSnapshots(info.getTablePath()).get());
        }
        for (KvSnapshots snapshots : all) {
            for (int bucket : snapshots.getBucketIds()) {
                ObjectNode entry = found.addObject();
                entry.put("partition_id", snapshots.getPartitionId());
                entry.put("bucket", bucket);
                if (snapshots.getSnapshotId(bucket).isPresent()) {
                    entry.put("snapshot", snapshots.getSnapshotId(bucket).getAsLong());
                    entry.put("offset", snapshots.getLogOffset(bucket).getAsLong());
                } else {
                    entry.putNull("snapshot");
                    entry.putNull("offset");
                }
            }
        }
        return found;
    }

    private static TableBucket bucket(TableInfo info, JsonNode request) {
        JsonNode partition = request.path("partition_id");
        return new TableBucket(
                info.getTableId(), partition.isNumber() ? partition.longValue() : null, request.get("bucket").intValue());
    }

    /** {offset, files}: the remote paths of "snapshot", by the names that a reader gives the files. */
    private JsonNode snapshotFiles(JsonNode request) throws Exception {
        TableInfo info = admin.getTableInfo(AdminCommands.table(request)).get();
        KvSnapshotMetadata metadata =
                admin.getKvSnapshotMetadata(bucket(info, request), request.get("snapshot").longValue()).get();
        ObjectNode json = JSON.objectNode();
        json.put("offset", metadata.getLogOffset());
        ObjectNode files = json.putObject("files");
        metadata.getSnapshotFiles().forEach(file -> files.put(file.getFileName(), file.getPath().toString()));
        return json;
    }

    /** All rows of "snapshot" of a bucket, with the client's own RocksDB. */
    private JsonNode scanSnapshot(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            RowType type = table.getTableInfo().getRowType();
            ArrayNode rows = JSON.arrayNode();
            try (BatchScanner scanner =
                    table.newScan()
                            .createBatchScanner(
                                    bucket(table.getTableInfo(), request), request.get("snapshot").longValue())) {
                // An empty batch means: not yet.
                for (CloseableIterator<InternalRow> batch; (batch = scanner.pollBatch(POLL)) != null; ) {
                    batch.forEachRemaining(row -> rows.add(Values.json(type, row)));
                }
            }
            return rows;
        }
    }

    /** The changelog of a bucket from "from" up to "to": [change, row] each. */
    private JsonNode scanChanges(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            TableBucket bucket = bucket(table.getTableInfo(), request);
            RowType type = table.getTableInfo().getRowType();
            long from = request.get("from").longValue();
            long to = request.get("to").longValue();
            ArrayNode changes = JSON.arrayNode();
            long deadline = System.nanoTime() + GIVE_UP.toNanos();
            long next = from;
            try (LogScanner scanner = table.newScan().createLogScanner()) {
                if (bucket.getPartitionId() == null) {
                    scanner.subscribe(bucket.getBucket(), from);
                } else {
                    scanner.subscribe(bucket.getPartitionId(), bucket.getBucket(), from);
                }
                while (next < to) {
                    if (System.nanoTime() > deadline) {
                        throw new IllegalStateException("only changes below " + next + " of " + to + " came");
                    }
                    for (ScanRecord record : scanner.poll(POLL).records(bucket)) {
                        next = record.logOffset() + 1;
                        ArrayNode change = changes.addArray();
                        change.add(record.getChangeType().shortString());
                        change.add(Values.json(type, record.getRow()));
                    }
                }
            }
            return changes;
        }
    }

    /** Holds "snapshot" of a bucket for "duration_ms"; whether it could. */
    private JsonNode acquireLease(JsonNode request) throws Exception {
        TableInfo info = admin.getTableInfo(AdminCommands.table(request)).get();
        Map<TableBucket, Long> wanted = new LinkedHashMap<>();
        wanted.put(bucket(info, request), request.get("snapshot").longValue());
        return JSON.booleanNode(
                admin.createKvSnapshotLease(
                                request.get("lease").textValue(), request.get("duration_ms").longValue())
                        .acquireSnapshots(wanted)
                        .get()
                        .getUnavailableSnapshots()
                        .isEmpty());
    }
}
