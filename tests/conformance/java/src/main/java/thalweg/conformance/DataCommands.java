package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.Scan;
import org.apache.fluss.client.table.scanner.ScanRecord;
import org.apache.fluss.client.table.scanner.batch.BatchScanner;
import org.apache.fluss.client.table.scanner.log.LogScanner;
import org.apache.fluss.client.table.scanner.log.ScanRecords;
import org.apache.fluss.client.table.writer.AppendWriter;
import org.apache.fluss.exception.DisconnectException;
import org.apache.fluss.exception.NetworkException;
import org.apache.fluss.metadata.PartitionInfo;
import org.apache.fluss.metadata.TableBucket;
import org.apache.fluss.metadata.TableInfo;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.types.RowType;
import org.apache.fluss.utils.CloseableIterator;

/** The commands that move rows. */
final class DataCommands implements CommandSet {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration GIVE_UP = Duration.ofSeconds(30);

    private final Connection connection;
    private final Admin admin;

    DataCommands(Connection connection, Admin admin) {
        this.connection = connection;
        this.admin = admin;
    }

    @Override
    public JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "append":
                return append(request);
            case "append_until_answered":
                return appendUntilAnswered(request);
            case "scan":
                return scan(request);
            case "limit_scan":
                return limitScan(request);
            default:
                return null;
        }
    }

    /**
     * Appends "rows" and returns their number once every one of them is acknowledged. With
     * "await_server", the table is opened as soon as there is a server to ask: the client itself
     * tries again what it sends, but not what it asks.
     */
    private JsonNode append(JsonNode request) throws Exception {
        try (Table table = request.path("await_server").asBoolean() ? openOnceThereIsAServer(request) : open(request)) {
            RowType type = table.getTableInfo().getRowType();
            AppendWriter writer = table.newAppend().createWriter();
            List<CompletableFuture<?>> acknowledgements = new ArrayList<>();
            for (JsonNode row : request.get("rows")) {
                acknowledgements.add(writer.append(Values.row(type, row)));
            }
            writer.flush();
            for (CompletableFuture<?> acknowledgement : acknowledgements) {
                acknowledgement.get();
            }
            return JSON.numberNode(acknowledgements.size());
        }
    }

    private Table open(JsonNode request) {
        return connection.getTable(AdminCommands.table(request));
    }

    private Table openOnceThereIsAServer(JsonNode request) throws InterruptedException {
        long deadline = System.nanoTime() + GIVE_UP.toNanos();
        while (true) {
            try {
                return open(request);
            } catch (RuntimeException raised) {
                if (!isOfTheNetwork(raised) || System.nanoTime() > deadline) {
                    throw raised;
                }
                Thread.sleep(POLL.toMillis());
            }
        }
    }

    private static boolean isOfTheNetwork(Throwable raised) {
        for (Throwable cause = raised; cause != null; cause = cause.getCause()) {
            if (cause instanceof NetworkException || cause instanceof DisconnectException) {
                return true;
            }
        }
        return false;
    }

    /**
     * Appends "row" until its first copy is acknowledged or refused. Other copies may be left that
     * this client never sends nor gives up: end it by killing it.
     *
     * <p>The client asks for a row's partition and then queues the row. A refusal that arrives in
     * between is forgotten: the row waits for ever, and so does flush(). The refusal of the next
     * copy's partition fails all rows that are queued by then, and so the first copy.
     */
    private JsonNode appendUntilAnswered(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            InternalRow row = Values.row(table.getTableInfo().getRowType(), request.get("row"));
            AppendWriter writer = table.newAppend().createWriter();
            CompletableFuture<?> first = writer.append(row);
            long deadline = System.nanoTime() + GIVE_UP.toNanos();
            while (true) {
                try {
                    first.get(POLL.toMillis(), TimeUnit.MILLISECONDS);
                    return JSON.numberNode(1);
                } catch (TimeoutException unanswered) {
                    if (System.nanoTime() > deadline) {
                        throw unanswered;
                    }
                    writer.append(row);
                }
            }
        }
    }

    /**
     * Reads all buckets, of all partitions, from "from" (an offset; the beginning if absent) until
     * "count" rows have come. Each is {partition, bucket, offset, timestamp, change, row}. More rows
     * than asked for are returned as well, so that the caller sees them.
     */
    private JsonNode scan(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            TableInfo info = table.getTableInfo();
            long from = request.has("from") ? request.get("from").longValue() : LogScanner.EARLIEST_OFFSET;
            int count = request.get("count").intValue();
            ArrayNode found = JSON.arrayNode();
            try (LogScanner scanner = projected(table, request).createLogScanner()) {
                Map<Long, String> partitions = subscribe(scanner, info, from);
                RowType type = projectedType(info, request);
                long deadline = System.nanoTime() + GIVE_UP.toNanos();
                while (found.size() < count && System.nanoTime() < deadline) {
                    ScanRecords records = scanner.poll(POLL);
                    for (TableBucket bucket : records.buckets()) {
                        for (ScanRecord record : records.records(bucket)) {
                            found.add(json(type, bucket, partitions, record));
                        }
                    }
                }
            }
            if (found.size() < count) {
                throw new IllegalStateException("only " + found.size() + " of " + count + " rows came");
            }
            return found;
        }
    }

    /** Up to "limit" rows of one bucket. */
    private JsonNode limitScan(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            TableInfo info = table.getTableInfo();
            Long partition = request.has("partition_id") ? request.get("partition_id").longValue() : null;
            TableBucket bucket = new TableBucket(info.getTableId(), partition, request.get("bucket").intValue());
            RowType type = projectedType(info, request);
            ArrayNode rows = JSON.arrayNode();
            try (BatchScanner scanner =
                    projected(table, request).limit(request.get("limit").intValue()).createBatchScanner(bucket)) {
                for (CloseableIterator<InternalRow> batch; (batch = scanner.pollBatch(POLL)) != null; ) {
                    batch.forEachRemaining(row -> rows.add(Values.json(type, row)));
                    batch.close();
                }
            }
            return rows;
        }
    }

    private Map<Long, String> subscribe(LogScanner scanner, TableInfo info, long from) throws Exception {
        Map<Long, String> partitions = new HashMap<>();
        if (info.isPartitioned()) {
            for (PartitionInfo partition : admin.listPartitionInfos(info.getTablePath()).get()) {
                partitions.put(partition.getPartitionId(), partition.getPartitionName());
                for (int bucket = 0; bucket < info.getNumBuckets(); bucket++) {
                    scanner.subscribe(partition.getPartitionId(), bucket, from);
                }
            }
        } else {
            for (int bucket = 0; bucket < info.getNumBuckets(); bucket++) {
                scanner.subscribe(bucket, from);
            }
        }
        return partitions;
    }

    private static Scan projected(Table table, JsonNode request) {
        Scan scan = table.newScan();
        return request.has("columns") ? scan.project(AdminCommands.texts(request.get("columns"))) : scan;
    }

    private static RowType projectedType(TableInfo info, JsonNode request) {
        RowType type = info.getRowType();
        if (!request.has("columns")) {
            return type;
        }
        List<String> names = AdminCommands.texts(request.get("columns"));
        return type.project(names.stream().mapToInt(type::getFieldIndex).toArray());
    }

    private static ObjectNode json(
            RowType type, TableBucket bucket, Map<Long, String> partitions, ScanRecord record) {
        ObjectNode json = JSON.objectNode();
        json.put("partition", bucket.getPartitionId() == null ? null : partitions.get(bucket.getPartitionId()));
        json.put("bucket", bucket.getBucket());
        json.put("offset", record.logOffset());
        json.put("timestamp", record.timestamp());
        json.put("change", record.getChangeType().shortString());
        json.set("row", Values.json(type, record.getRow()));
        return json;
    }
}
