package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.math.BigDecimal;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.fluss.row.BinaryString;
import org.apache.fluss.row.Decimal;
import org.apache.fluss.row.GenericArray;
import org.apache.fluss.row.GenericMap;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalArray;
import org.apache.fluss.row.InternalMap;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.row.TimestampLtz;
import org.apache.fluss.row.TimestampNtz;
import org.apache.fluss.types.ArrayType;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.DecimalType;
import org.apache.fluss.types.MapType;
import org.apache.fluss.types.RowType;

/**
 * Rows as JSON and back, without loss.
 *
 * <p>Numbers and booleans are themselves, but "NaN", "Infinity" and "-Infinity" are texts. Decimals are
 * their plain text, byte strings hexadecimal. Dates are days and times milliseconds, since
 * the epoch and since midnight; timestamps are [milliseconds since the epoch, nanoseconds on top].
 * Arrays and rows are lists, maps lists of [key, value].
 */
final class Values {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private Values() {}

    static GenericRow row(RowType type, JsonNode json) {
        if (json.size() != type.getFieldCount()) {
            throw new IllegalArgumentException(json + " is not a row of " + type);
        }
        GenericRow row = new GenericRow(type.getFieldCount());
        for (int i = 0; i < type.getFieldCount(); i++) {
            row.setField(i, value(type.getTypeAt(i), json.get(i)));
        }
        return row;
    }

    static ArrayNode json(RowType type, InternalRow row) {
        ArrayNode json = JSON.arrayNode();
        for (int i = 0; i < type.getFieldCount(); i++) {
            DataType fieldType = type.getTypeAt(i);
            // A getter for the nullable type asks for null first, which a non-null column allows too.
            Object field = InternalRow.createFieldGetter(fieldType.copy(true), i).getFieldOrNull(row);
            json.add(json(fieldType, field));
        }
        return json;
    }

    private static Object value(DataType type, JsonNode json) {
        if (json.isNull()) {
            return null;
        }
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                return json.booleanValue();
            case TINYINT:
                return (byte) json.intValue();
            case SMALLINT:
                return json.shortValue();
            case INTEGER:
            case DATE:
            case TIME_WITHOUT_TIME_ZONE:
                return json.intValue();
            case BIGINT:
                return json.longValue();
            case FLOAT:
                return json.isTextual() ? Float.parseFloat(json.textValue()) : json.floatValue();
            case DOUBLE:
                return json.isTextual() ? Double.parseDouble(json.textValue()) : json.doubleValue();
            case CHAR:
            case STRING:
                return BinaryString.fromString(json.textValue());
            case BINARY:
            case BYTES:
                return HexFormat.of().parseHex(json.textValue());
            case DECIMAL:
                DecimalType decimal = (DecimalType) type;
                BigDecimal number = new BigDecimal(json.textValue());
                return Decimal.fromBigDecimal(number, decimal.getPrecision(), decimal.getScale());
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return TimestampNtz.fromMillis(json.get(0).longValue(), json.get(1).intValue());
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return TimestampLtz.fromEpochMillis(json.get(0).longValue(), json.get(1).intValue());
            case ARRAY:
                Object[] elements = new Object[json.size()];
                for (int i = 0; i < elements.length; i++) {
                    elements[i] = value(((ArrayType) type).getElementType(), json.get(i));
                }
                return new GenericArray(elements);
            case MAP:
                MapType map = (MapType) type;
                Map<Object, Object> entries = new LinkedHashMap<>();
                for (JsonNode entry : json) {
                    entries.put(
                            value(map.getKeyType(), entry.get(0)),
                            value(map.getValueType(), entry.get(1)));
                }
                return new GenericMap(entries);
            case ROW:
                return row((RowType) type, json);
            default:
                throw new IllegalArgumentException("no JSON form for " + type);
        }
    }

    private static JsonNode json(DataType type, Object value) {
        if (value == null) {
            return JSON.nullNode();
        }
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                return JSON.booleanNode((Boolean) value);
            case TINYINT:
            case SMALLINT:
            case INTEGER:
            case BIGINT:
            case DATE:
            case TIME_WITHOUT_TIME_ZONE:
                return JSON.numberNode(((Number) value).longValue());
            case FLOAT:
            case DOUBLE:
                double number = ((Number) value).doubleValue();
                return Double.isFinite(number) ? JSON.numberNode(number) : JSON.textNode(value.toString());
            case CHAR:
            case STRING:
                return JSON.textNode(value.toString());
            case BINARY:
            case BYTES:
                return JSON.textNode(HexFormat.of().formatHex((byte[]) value));
            case DECIMAL:
                return JSON.textNode(((Decimal) value).toBigDecimal().toPlainString());
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                TimestampNtz ntz = (TimestampNtz) value;
                return JSON.arrayNode().add(ntz.getMillisecond()).add(ntz.getNanoOfMillisecond());
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                TimestampLtz ltz = (TimestampLtz) value;
                return JSON.arrayNode().add(ltz.getEpochMillisecond()).add(ltz.getNanoOfMillisecond());
            case ARRAY:
                return elements(((ArrayType) type).getElementType(), (InternalArray) value);
            case MAP:
                MapType map = (MapType) type;
                ArrayNode keys = elements(map.getKeyType(), ((InternalMap) value).keyArray());
                ArrayNode values = elements(map.getValueType(), ((InternalMap) value).valueArray());
                ArrayNode entries = JSON.arrayNode();
                for (int i = 0; i < keys.size(); i++) {
                    entries.add(JSON.arrayNode().add(keys.get(i)).add(values.get(i)));
                }
                return entries;
            case ROW:
                return json((RowType) type, (InternalRow) value);
            default:
                throw new IllegalArgumentException("no JSON form for " + type);
        }
    }

    private static ArrayNode elements(DataType elementType, InternalArray array) {
        InternalArray.ElementGetter getter = InternalArray.createElementGetter(elementType.copy(true));
        ArrayNode json = JSON.arrayNode();
        for (int i = 0; i < array.size(); i++) {
            json.add(json(elementType, getter.getElementOrNull(array, i)));
        }
        return json;
    }
}
