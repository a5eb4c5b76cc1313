package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.apache.fluss.metadata.KvFormat;
import org.apache.fluss.metadata.Schema;
import org.apache.fluss.row.BinaryRow;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.encode.CompactedKeyEncoder;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.RowType;

/**
 * Schemas, keys and rows as the released Java client writes them. Talks to no server.
 *
 * <p>Every line of standard input is a JSON object whose "do" is one of
 *
 * <ul>
 *   <li>"schema": the columns, as {@link AdminCommands#columnsOf} takes them, to the document of a schema;
 *   <li>"rows": "rows" in the form of {@link Values} to hexadecimal texts, in "format", for the document "schema";
 *   <li>"keys": the same rows to their keys by the columns "key".
 * </ul>
 *
 * It is answered by one line: {"ok": result}, or {"error": class of the exception, "message": its text}.
 */
public final class RowEncoder {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Map<String, Schema> schemas = new HashMap<>();

    private RowEncoder() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        RowEncoder encoder = new RowEncoder();
        answers.println("{\"ok\":\"ready\"}");
        for (String line; (line = requests.readLine()) != null; ) {
            ObjectNode answer = JSON.objectNode();
            try {
                answer.set("ok", encoder.run(MAPPER.readTree(line)));
            } catch (Throwable raised) {
                raised.printStackTrace();
                answer.put("error", raised.getClass().getSimpleName());
                answer.put("message", String.valueOf(raised.getMessage()));
            }
            answers.println(MAPPER.writeValueAsString(answer));
        }
    }

    private JsonNode run(JsonNode request) throws Exception {
        switch (request.get("do").textValue()) {
            case "schema":
                return JSON.textNode(new String(AdminCommands.columnsOf(request).toJsonBytes(), StandardCharsets.UTF_8));
            case "rows":
                return rows(schema(request), KvFormat.valueOf(request.get("format").textValue()), request.get("rows"));
            case "keys":
                return keys(schema(request), request.get("key"), request.get("rows"));
            default:
                throw new IllegalArgumentException("no command " + request.get("do"));
        }
    }

    private Schema schema(JsonNode request) {
        return schemas.computeIfAbsent(
                request.get("schema").textValue(),
                document -> Schema.fromJsonBytes(document.getBytes(StandardCharsets.UTF_8)));
    }

    private static ArrayNode rows(Schema schema, KvFormat format, JsonNode rows) throws Exception {
        RowType type = schema.getRowType();
        org.apache.fluss.row.encode.RowEncoder encoder =
                org.apache.fluss.row.encode.RowEncoder.create(format, type.getChildren().toArray(new DataType[0]));
        ArrayNode encoded = JSON.arrayNode();
        for (JsonNode json : rows) {
            GenericRow row = Values.row(type, json);
            encoder.startNewRow();
            for (int i = 0; i < type.getFieldCount(); i++) {
                encoder.encodeField(i, row.getField(i));
            }
            BinaryRow finished = encoder.finishRow();
            byte[] bytes = new byte[finished.getSizeInBytes()];
            finished.copyTo(bytes, 0);
            encoded.add(HexFormat.of().formatHex(bytes));
        }
        return encoded;
    }

    private static ArrayNode keys(Schema schema, JsonNode key, JsonNode rows) {
        RowType type = schema.getRowType();
        CompactedKeyEncoder encoder = CompactedKeyEncoder.createKeyEncoder(type, AdminCommands.texts(key));
        ArrayNode encoded = JSON.arrayNode();
        for (JsonNode json : rows) {
            encoded.add(HexFormat.of().formatHex(encoder.encodeKey(Values.row(type, json))));
        }
        return encoded;
    }
}
