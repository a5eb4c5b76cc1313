package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.lookup.Lookup;
import org.apache.fluss.client.lookup.LookupResult;
import org.apache.fluss.client.lookup.Lookuper;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.writer.Upsert;
import org.apache.fluss.client.table.writer.UpsertWriter;
import org.apache.fluss.metadata.TableInfo;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.rpc.protocol.MergeMode;
import org.apache.fluss.types.RowType;

/** The commands on rows by key. */
final class KeyCommands implements CommandSet {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Connection connection;

    KeyCommands(Connection connection) {
        this.connection = connection;
    }

    @Override
    public JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "change":
                return change(request);
            case "lookup":
                return lookup(request);
            default:
                return null;
        }
    }

    /**
     * Makes "changes" in their order, each ["+", row] or ["-", row] where only the row's key counts, and returns their number
     * once every one of them is acknowledged. Of "columns" only, where they are named; past the merge engine with "overwrite".
     */
    private JsonNode change(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            RowType type = table.getTableInfo().getRowType();
            Upsert upsert = table.newUpsert();
            if (request.has("columns")) {
                upsert = upsert.partialUpdate(AdminCommands.texts(request.get("columns")).toArray(new String[0]));
            }
            if (request.path("overwrite").asBoolean()) {
                upsert = upsert.mergeMode(MergeMode.OVERWRITE);
            }
            UpsertWriter writer = upsert.createWriter();
            List<CompletableFuture<?>> acknowledgements = new ArrayList<>();
            for (JsonNode change : request.get("changes")) {
                InternalRow row = Values.row(type, change.get(1));
                boolean put = change.get(0).textValue().equals("+");
                acknowledgements.add(put ? writer.upsert(row) : writer.delete(row));
            }
            writer.flush();
            for (CompletableFuture<?> acknowledgement : acknowledgements) {
                acknowledgement.get();
            }
            return JSON.numberNode(acknowledgements.size());
        }
    }

    /**
     * The rows of each of "keys", which are all asked for at once: none or one, or with "by", names of the columns of a prefix,
     * any number. "insert" puts a row under each key that has none.
     */
    private JsonNode lookup(JsonNode request) throws Exception {
        try (Table table = connection.getTable(AdminCommands.table(request))) {
            TableInfo info = table.getTableInfo();
            Lookup lookup = table.newLookup();
            List<String> names = info.getPrimaryKeys();
            if (request.has("by")) {
                names = AdminCommands.texts(request.get("by"));
                lookup = lookup.lookupBy(names);
            }
            if (request.path("insert").asBoolean()) {
                lookup = lookup.enableInsertIfNotExists();
            }
            Lookuper lookuper = lookup.createLookuper();
            RowType type = info.getRowType();
            RowType keyType = type.project(names.stream().mapToInt(type::getFieldIndex).toArray());
            List<CompletableFuture<LookupResult>> results = new ArrayList<>();
            for (JsonNode key : request.get("keys")) {
                results.add(lookuper.lookup(Values.row(keyType, key)));
            }
            ArrayNode found = JSON.arrayNode();
            for (CompletableFuture<LookupResult> result : results) {
                ArrayNode rows = found.addArray();
                for (InternalRow row : result.get().getRowList()) {
                    if (row != null) {
                        rows.add(Values.json(type, row));
                    }
                }
            }
            return found;
        }
    }
}
