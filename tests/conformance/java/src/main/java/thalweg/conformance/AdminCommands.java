package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.admin.OffsetSpec;
import org.apache.fluss.cluster.ServerNode;
import org.apache.fluss.metadata.AggFunctionType;
import org.apache.fluss.metadata.AggFunctions;
import org.apache.fluss.metadata.DatabaseDescriptor;
import org.apache.fluss.metadata.DatabaseInfo;
import org.apache.fluss.metadata.PartitionInfo;
import org.apache.fluss.metadata.PartitionSpec;
import org.apache.fluss.metadata.Schema;
import org.apache.fluss.metadata.SchemaInfo;
import org.apache.fluss.metadata.TableChange;
import org.apache.fluss.metadata.TableDescriptor;
import org.apache.fluss.metadata.TableInfo;
import org.apache.fluss.metadata.TablePath;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.DataTypeParser;

/** The commands that go through the client's {@link Admin}; their names are its methods'. */
final class AdminCommands implements CommandSet {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Admin admin;

    AdminCommands(Admin admin) {
        this.admin = admin;
    }

    @Override
    public JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "server_nodes":
                return nodes();
            case "create_database":
                return createDatabase(request);
            case "database_info":
                return databaseInfo(admin.getDatabaseInfo(text(request, "database")).get());
            case "list_databases":
                return MAPPER.valueToTree(admin.listDatabases().get());
            case "drop_database":
                admin.dropDatabase(text(request, "database"), false, request.path("cascade").asBoolean()).get();
                return JSON.booleanNode(true);
            case "create_table":
                admin.createTable(table(request), descriptor(request), false).get();
                return JSON.booleanNode(true);
            case "table_exists":
                return JSON.booleanNode(admin.tableExists(table(request)).get());
            case "list_tables":
                return MAPPER.valueToTree(admin.listTables(text(request, "database")).get());
            case "table_info":
                return tableInfo(admin.getTableInfo(table(request)).get());
            case "table_schema":
                return schema(request);
            case "drop_table":
                admin.dropTable(table(request), false).get();
                return JSON.booleanNode(true);
            case "add_column":
                return alter(request, TableChange.addColumn(
                        text(request, "name"),
                        DataTypeParser.parse(text(request, "type")),
                        request.path("comment").textValue(),
                        TableChange.ColumnPosition.last()));
            case "set_option":
                return alter(request, TableChange.set(text(request, "key"), text(request, "value")));
            case "reset_option":
                return alter(request, TableChange.reset(text(request, "key")));
            case "create_partition":
                admin.createPartition(table(request), partition(request), false).get();
                return JSON.booleanNode(true);
            case "drop_partition":
                admin.dropPartition(table(request), partition(request), false).get();
                return JSON.booleanNode(true);
            case "list_partitions":
                return partitions(request);
            case "list_offsets":
                return offsets(request);
            case "table_stats":
                return JSON.numberNode(admin.getTableStats(table(request)).get().getRowCount());
            default:
                return null;
        }
    }

    static TablePath table(JsonNode request) {
        return TablePath.of(text(request, "database"), text(request, "table"));
    }

    static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(one -> texts.add(one.textValue()));
        return texts;
    }

    private static String text(JsonNode request, String name) {
        if (!request.path(name).isTextual()) {
            throw new IllegalArgumentException("the command needs a text named " + name);
        }
        return request.get(name).textValue();
    }

    private static Map<String, String> map(JsonNode object) {
        Map<String, String> map = new LinkedHashMap<>();
        object.fields().forEachRemaining(entry -> map.put(entry.getKey(), entry.getValue().textValue()));
        return map;
    }

    private static PartitionSpec partition(JsonNode request) {
        return new PartitionSpec(map(request.get("partition")));
    }

    private JsonNode nodes() throws Exception {
        ArrayNode nodes = JSON.arrayNode();
        for (ServerNode node : admin.getServerNodes().get()) {
            nodes.addObject()
                    .put("id", node.id())
                    .put("host", node.host())
                    .put("port", node.port())
                    .put("type", node.serverType().name());
        }
        return nodes;
    }

    private JsonNode createDatabase(JsonNode request) throws Exception {
        DatabaseDescriptor descriptor =
                DatabaseDescriptor.builder()
                        .comment(request.path("comment").textValue())
                        .customProperties(map(request.path("custom_properties")))
                        .build();
        admin.createDatabase(text(request, "database"), descriptor, false).get();
        return JSON.booleanNode(true);
    }

    private static JsonNode databaseInfo(DatabaseInfo info) {
        ObjectNode json = JSON.objectNode();
        json.put("database", info.getDatabaseName());
        json.put("comment", info.getDatabaseDescriptor().getComment().orElse(null));
        json.set("custom_properties", MAPPER.valueToTree(info.getDatabaseDescriptor().getCustomProperties()));
        json.put("created_ms", info.getCreatedTime());
        json.put("modified_ms", info.getModifiedTime());
        return json;
    }

    /**
     * From "columns", each [name, type] or [name, type, comment]; "primary_key"; "auto_increment", a column's name; and
     * "aggregations", the function and its parameters by column: {"total": ["sum", {}]}.
     */
    static Schema columnsOf(JsonNode request) {
        Schema.Builder schema = Schema.newBuilder();
        JsonNode aggregations = request.path("aggregations");
        for (JsonNode column : request.get("columns")) {
            String name = column.get(0).textValue();
            DataType type = DataTypeParser.parse(column.get(1).textValue());
            if (aggregations.has(name)) {
                JsonNode aggregation = aggregations.get(name);
                AggFunctionType function = AggFunctionType.fromString(aggregation.get(0).textValue());
                schema.column(name, type, AggFunctions.of(function, map(aggregation.get(1))));
            } else {
                schema.column(name, type);
            }
            if (column.has(2)) {
                schema.withComment(column.get(2).textValue());
            }
        }
        if (request.has("primary_key")) {
            schema.primaryKey(texts(request.get("primary_key")));
        }
        if (request.has("auto_increment")) {
            schema.enableAutoIncrement(text(request, "auto_increment"));
        }
        return schema.build();
    }

    private static TableDescriptor descriptor(JsonNode request) {
        Integer buckets = request.has("buckets") ? request.get("buckets").intValue() : null;
        return TableDescriptor.builder()
                .schema(columnsOf(request))
                .partitionedBy(texts(request.path("partitioned_by")))
                .distributedBy(buckets, texts(request.path("bucket_keys")))
                .properties(map(request.path("properties")))
                .customProperties(map(request.path("custom_properties")))
                .comment(request.path("comment").textValue())
                .build();
    }

    private static ArrayNode columns(Schema schema) {
        ArrayNode columns = JSON.arrayNode();
        for (Schema.Column column : schema.getColumns()) {
            columns.addArray()
                    .add(column.getName())
                    .add(column.getDataType().asSerializableString())
                    .add(column.getComment().orElse(null));
        }
        return columns;
    }

    private static JsonNode tableInfo(TableInfo info) {
        ObjectNode json = JSON.objectNode();
        json.put("table_id", info.getTableId());
        json.put("schema_id", info.getSchemaId());
        json.set("columns", columns(info.getSchema()));
        json.set("primary_key", MAPPER.valueToTree(info.getPrimaryKeys()));
        json.set("partitioned_by", MAPPER.valueToTree(info.getPartitionKeys()));
        json.set("bucket_keys", MAPPER.valueToTree(info.getBucketKeys()));
        json.put("buckets", info.getNumBuckets());
        json.set("properties", MAPPER.valueToTree(info.getProperties().toMap()));
        json.set("custom_properties", MAPPER.valueToTree(info.getCustomProperties().toMap()));
        json.put("comment", info.getComment().orElse(null));
        json.put("created_ms", info.getCreatedTime());
        json.put("modified_ms", info.getModifiedTime());
        return json;
    }

    private JsonNode schema(JsonNode request) throws Exception {
        SchemaInfo info =
                request.has("schema_id")
                        ? admin.getTableSchema(table(request), request.get("schema_id").intValue()).get()
                        : admin.getTableSchema(table(request)).get();
        ObjectNode json = JSON.objectNode();
        json.put("schema_id", info.getSchemaId());
        json.set("columns", columns(info.getSchema()));
        return json;
    }

    private JsonNode alter(JsonNode request, TableChange change) throws Exception {
        admin.alterTable(table(request), List.of(change), false).get();
        return JSON.booleanNode(true);
    }

    private JsonNode partitions(JsonNode request) throws Exception {
        List<PartitionInfo> infos =
                request.has("partition")
                        ? admin.listPartitionInfos(table(request), partition(request)).get()
                        : admin.listPartitionInfos(table(request)).get();
        ObjectNode json = JSON.objectNode();
        infos.forEach(info -> json.put(info.getPartitionName(), info.getPartitionId()));
        return json;
    }

    /** "at" is "earliest", "latest" or milliseconds since the epoch; the result is by bucket. */
    private JsonNode offsets(JsonNode request) throws Exception {
        JsonNode at = request.get("at");
        OffsetSpec spec =
                at.isNumber()
                        ? new OffsetSpec.TimestampSpec(at.longValue())
                        : at.textValue().equals("earliest")
                                ? new OffsetSpec.EarliestSpec()
                                : new OffsetSpec.LatestSpec();
        List<Integer> buckets = new ArrayList<>();
        request.get("buckets").forEach(bucket -> buckets.add(bucket.intValue()));
        return MAPPER.valueToTree(
                request.has("partition_name")
                        ? admin.listOffsets(table(request), text(request, "partition_name"), buckets, spec).all().get()
                        : admin.listOffsets(table(request), buckets, spec).all().get());
    }
}
