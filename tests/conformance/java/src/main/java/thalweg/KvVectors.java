package thalweg;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.fluss.compression.ArrowCompressionInfo;
import org.apache.fluss.compression.ArrowCompressionType;
import org.apache.fluss.memory.UnmanagedPagedOutputView;
import org.apache.fluss.metadata.KvFormat;
import org.apache.fluss.record.ChangeType;
import org.apache.fluss.record.KvRecordBatchBuilder;
import org.apache.fluss.record.DefaultValueRecordBatch;
import org.apache.fluss.record.MemoryLogRecordsArrowBuilder;
import org.apache.fluss.record.MemoryLogRecordsCompactedBuilder;
import org.apache.fluss.record.MemoryLogRecordsIndexedBuilder;
import org.apache.fluss.record.bytesview.BytesView;
import org.apache.fluss.row.BinaryRow;
import org.apache.fluss.row.BinaryString;
import org.apache.fluss.row.Decimal;
import org.apache.fluss.row.GenericArray;
import org.apache.fluss.row.GenericMap;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.row.TimestampLtz;
import org.apache.fluss.row.TimestampNtz;
import org.apache.fluss.row.arrow.ArrowWriter;
import org.apache.fluss.row.arrow.ArrowWriterPool;
import org.apache.fluss.row.compacted.CompactedRow;
import org.apache.fluss.row.encode.CompactedKeyEncoder;
import org.apache.fluss.row.encode.CompactedRowEncoder;
import org.apache.fluss.row.encode.IndexedRowEncoder;
import org.apache.fluss.row.encode.RowEncoder;
import org.apache.fluss.row.encode.ValueEncoder;
import org.apache.fluss.row.indexed.IndexedRow;
import org.apache.fluss.shaded.arrow.org.apache.arrow.memory.BufferAllocator;
import org.apache.fluss.shaded.arrow.org.apache.arrow.memory.RootAllocator;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.DataTypes;
import org.apache.fluss.types.RowType;

/**
 * Prints rows, batches and changelogs as the released Java classes write them, a name and hexadecimal bytes a line: the
 * constants of thalweg/format/kv_vectors_internal.h. It talks to no server.
 */
public final class KvVectors {
    private static final int SCHEMA_ID = 3;
    private static final int MANY = 3000;
    private static final ChangeType[] CHANGES = {
        ChangeType.INSERT, ChangeType.UPDATE_BEFORE, ChangeType.UPDATE_AFTER, ChangeType.DELETE
    };

    private KvVectors() {}

    public static void main(String[] arguments) throws Exception {
        try (BufferAllocator allocator = new RootAllocator(Long.MAX_VALUE)) {
            print("scalars", scalars(), scalarRows(), allocator);
            print("nested", nested(), nestedRows(), allocator);
            print("simple", simple(), simpleRows(), allocator);
            Object[][] hollow = {nestedRows()[1], nestedRows()[2]};
            print("hollow", nested(), hollow, allocator);
            line("many-arrow-none", arrow(simple(), many(), changes(MANY), ArrowCompressionInfo.NO_COMPRESSION, allocator));
            line("many-arrow-zstd", arrow(simple(), many(), changes(MANY), ArrowCompressionInfo.DEFAULT_COMPRESSION, allocator));
        }
        kvBatches();
    }

    /** More rows than the writer makes room for at first. */
    private static List<BinaryRow> many() {
        Object[][] rows = new Object[MANY][];
        for (int i = 0; i < MANY; i++) {
            rows[i] = new Object[] {i, i % 7 == 0 ? null : text("name-" + i)};
        }
        return encode(new CompactedRowEncoder(simple().getChildren().toArray(new DataType[0])), rows);
    }

    private static ChangeType[] changes(int count) {
        ChangeType[] changes = new ChangeType[count];
        for (int i = 0; i < count; i++) {
            changes[i] = CHANGES[i % CHANGES.length];
        }
        return changes;
    }

    private static RowType simple() {
        return DataTypes.ROW(
                DataTypes.FIELD("id", DataTypes.INT().copy(false)), DataTypes.FIELD("name", DataTypes.STRING()));
    }

    private static Object[][] simpleRows() {
        return new Object[][] {
            {1, text("a")}, {1, text("a")}, {1, null}, {-2, text("Ein längerer Text, der sich lohnt, lohnt, lohnt")},
        };
    }

    private static RowType scalars() {
        return DataTypes.ROW(
                DataTypes.FIELD("f0", DataTypes.BOOLEAN()),
                DataTypes.FIELD("f1", DataTypes.TINYINT()),
                DataTypes.FIELD("f2", DataTypes.SMALLINT()),
                DataTypes.FIELD("f3", DataTypes.INT()),
                DataTypes.FIELD("f4", DataTypes.BIGINT()),
                DataTypes.FIELD("f5", DataTypes.FLOAT()),
                DataTypes.FIELD("f6", DataTypes.DOUBLE()),
                DataTypes.FIELD("f7", DataTypes.CHAR(4)),
                DataTypes.FIELD("f8", DataTypes.STRING()),
                DataTypes.FIELD("f9", DataTypes.BINARY(3)),
                DataTypes.FIELD("f10", DataTypes.BYTES()),
                DataTypes.FIELD("f11", DataTypes.DECIMAL(10, 2)),
                DataTypes.FIELD("f12", DataTypes.DECIMAL(30, 4)),
                DataTypes.FIELD("f13", DataTypes.DATE()),
                DataTypes.FIELD("f14", DataTypes.TIME(0)),
                DataTypes.FIELD("f15", DataTypes.TIME(3)),
                DataTypes.FIELD("f16", DataTypes.TIME(6)),
                DataTypes.FIELD("f17", DataTypes.TIME(9)),
                DataTypes.FIELD("f18", DataTypes.TIMESTAMP(0)),
                DataTypes.FIELD("f19", DataTypes.TIMESTAMP(3)),
                DataTypes.FIELD("f20", DataTypes.TIMESTAMP(6)),
                DataTypes.FIELD("f21", DataTypes.TIMESTAMP(9)),
                DataTypes.FIELD("f22", DataTypes.TIMESTAMP_LTZ(0)),
                DataTypes.FIELD("f23", DataTypes.TIMESTAMP_LTZ(3)),
                DataTypes.FIELD("f24", DataTypes.TIMESTAMP_LTZ(6)),
                DataTypes.FIELD("f25", DataTypes.TIMESTAMP_LTZ(9)));
    }

    private static Object[][] scalarRows() {
        Object[] usual = {
            true, (byte) 5, (short) 300, 70000, 5_000_000_000L, 1.5f, -2.25, text("abc"), text("Grüße"),
            new byte[] {1, 2, 3}, new byte[] {0, 9}, decimal("12345.67", 10, 2),
            decimal("-12345678901234567890.1234", 30, 4), 20000, 3_661_000, 3_661_001, 3_661_002, 3_661_003,
            TimestampNtz.fromMillis(1_700_000_000_000L), TimestampNtz.fromMillis(1_700_000_000_123L),
            TimestampNtz.fromMillis(1_700_000_000_123L, 456_000), TimestampNtz.fromMillis(1_700_000_000_123L, 456_789),
            TimestampLtz.fromEpochMillis(1_700_000_000_000L), TimestampLtz.fromEpochMillis(1_700_000_000_123L),
            TimestampLtz.fromEpochMillis(1_700_000_000_123L, 456_000),
            TimestampLtz.fromEpochMillis(1_700_000_000_123L, 456_789),
        };
        Object[] low = {
            false, Byte.MIN_VALUE, Short.MIN_VALUE, Integer.MIN_VALUE, Long.MIN_VALUE, -0.0f, Double.MAX_VALUE, text(""),
            text(""), new byte[] {-1, -2, -3}, new byte[0], decimal("-99999999.99", 10, 2), decimal("0.0000", 30, 4), -1,
            0, 0, 0, 0, TimestampNtz.fromMillis(-1_500L), TimestampNtz.fromMillis(-1L), TimestampNtz.fromMillis(-1L, 999_999),
            TimestampNtz.fromMillis(-1L, 1), TimestampLtz.fromEpochMillis(-1_500L), TimestampLtz.fromEpochMillis(-1L),
            TimestampLtz.fromEpochMillis(-1L, 999_999), TimestampLtz.fromEpochMillis(-1L, 1),
        };
        return new Object[][] {usual, low, new Object[26], usual};
    }

    private static RowType inner() {
        return DataTypes.ROW(DataTypes.FIELD("a", DataTypes.INT()), DataTypes.FIELD("b", DataTypes.STRING()));
    }

    private static RowType nested() {
        return DataTypes.ROW(
                DataTypes.FIELD("f0", DataTypes.ARRAY(DataTypes.INT())),
                DataTypes.FIELD("f1", DataTypes.ARRAY(DataTypes.STRING())),
                DataTypes.FIELD("f2", DataTypes.ARRAY(DataTypes.DECIMAL(30, 0))),
                DataTypes.FIELD("f3", DataTypes.ARRAY(DataTypes.TIMESTAMP(6))),
                DataTypes.FIELD("f4", DataTypes.MAP(DataTypes.STRING().copy(false), DataTypes.BIGINT())),
                DataTypes.FIELD("f5", inner()),
                DataTypes.FIELD("f6", DataTypes.ARRAY(inner())),
                DataTypes.FIELD("f7", DataTypes.MAP(DataTypes.INT().copy(false), DataTypes.ARRAY(inner()))),
                DataTypes.FIELD("f8", DataTypes.ARRAY(DataTypes.ARRAY(DataTypes.BOOLEAN()))),
                DataTypes.FIELD(
                        "f9",
                        DataTypes.ROW(
                                DataTypes.FIELD("r", inner()),
                                DataTypes.FIELD("m", DataTypes.MAP(DataTypes.INT().copy(false), DataTypes.STRING())))));
    }

    private static Object[][] nestedRows() {
        GenericRow one = GenericRow.of(1, text("one"));
        GenericRow none = GenericRow.of(null, null);
        Object[] full = {
            GenericArray.of(1, null, -3),
            GenericArray.of(text("short"), text("longer than seven"), null, text("")),
            GenericArray.of(decimal("12345678901234567890", 30, 0), null, decimal("-1", 30, 0)),
            GenericArray.of(TimestampNtz.fromMillis(5, 6_000), null),
            GenericMap.of(text("k"), 7L),
            one,
            GenericArray.of(one, null, none),
            GenericMap.of(9, GenericArray.of(none, one)),
            GenericArray.of(GenericArray.of(true, null, false), null, GenericArray.of()),
            GenericRow.of(one, GenericMap.of(4, text("four"))),
        };
        Object[] empty = {
            GenericArray.of(), GenericArray.of(), GenericArray.of(), GenericArray.of(), GenericMap.of(), none,
            GenericArray.of(), GenericMap.of(), GenericArray.of(), GenericRow.of(null, null),
        };
        return new Object[][] {full, new Object[10], empty, full};
    }

    private static void print(String name, RowType type, Object[][] rows, BufferAllocator allocator) throws Exception {
        DataType[] types = type.getChildren().toArray(new DataType[0]);
        List<BinaryRow> compacted = encode(new CompactedRowEncoder(types), rows);
        List<BinaryRow> indexed = encode(new IndexedRowEncoder(types), rows);
        for (int i = 0; i < rows.length; i++) {
            line(name + "-compacted-" + i, bytes(compacted.get(i)));
            line(name + "-indexed-" + i, bytes(indexed.get(i)));
        }
        for (ArrowCompressionInfo compression : new ArrowCompressionInfo[] {
            ArrowCompressionInfo.NO_COMPRESSION,
            ArrowCompressionInfo.DEFAULT_COMPRESSION,
            new ArrowCompressionInfo(ArrowCompressionType.LZ4_FRAME, -1)
        }) {
            String key = name + "-arrow-" + compression.getCompressionType().toString().toLowerCase();
            line(key, arrow(type, compacted, changes(rows.length), compression, allocator));
            line(key + "-of-indexed", arrow(type, indexed, changes(rows.length), compression, allocator));
        }
        line(name + "-arrow-empty", arrow(type, List.of(), new ChangeType[0], ArrowCompressionInfo.NO_COMPRESSION, allocator));

        MemoryLogRecordsCompactedBuilder compactedLog =
                MemoryLogRecordsCompactedBuilder.builder(SCHEMA_ID, Integer.MAX_VALUE, new UnmanagedPagedOutputView(1 << 16), false);
        MemoryLogRecordsIndexedBuilder indexedLog =
                MemoryLogRecordsIndexedBuilder.builder(SCHEMA_ID, Integer.MAX_VALUE, new UnmanagedPagedOutputView(1 << 16), false);
        for (int i = 0; i < rows.length; i++) {
            compactedLog.append(CHANGES[i], (CompactedRow) compacted.get(i));
            indexedLog.append(CHANGES[i], (IndexedRow) indexed.get(i));
        }
        compactedLog.setWriterState(77, 5);
        indexedLog.setWriterState(77, 5);
        compactedLog.close();
        indexedLog.close();
        line(name + "-log-compacted", bytes(compactedLog.build()));
        line(name + "-log-indexed", bytes(indexedLog.build()));
    }

    private static byte[] arrow(
            RowType type, List<BinaryRow> rows, ChangeType[] changes, ArrowCompressionInfo compression, BufferAllocator allocator)
            throws Exception {
        try (ArrowWriterPool pool = new ArrowWriterPool(allocator)) {
            ArrowWriter writer = pool.getOrCreateWriter(1L, SCHEMA_ID, Integer.MAX_VALUE, type, compression);
            MemoryLogRecordsArrowBuilder builder =
                    MemoryLogRecordsArrowBuilder.builder(SCHEMA_ID, writer, new UnmanagedPagedOutputView(1 << 16), false);
            for (int i = 0; i < rows.size(); i++) {
                builder.append(changes[i], rows.get(i));
            }
            builder.setWriterState(77, 5);
            builder.close();
            return bytes(builder.build());
        }
    }

    private static void kvBatches() throws Exception {
        RowType type = simple();
        CompactedKeyEncoder keys = CompactedKeyEncoder.createKeyEncoder(type, List.of("id"));
        List<BinaryRow> rows = encode(new CompactedRowEncoder(type.getChildren().toArray(new DataType[0])), simpleRows());
        KvRecordBatchBuilder builder =
                KvRecordBatchBuilder.builder(SCHEMA_ID, Integer.MAX_VALUE, new UnmanagedPagedOutputView(1 << 16), KvFormat.COMPACTED);
        builder.append(keys.encodeKey(rows.get(0)), rows.get(0));
        builder.append(keys.encodeKey(rows.get(3)), null);
        builder.append(keys.encodeKey(rows.get(3)), rows.get(3));
        builder.setWriterState(77, 5);
        builder.close();
        line("kv-batch", bytes(builder.build()));
        line("kv-value", ValueEncoder.encodeValue((short) SCHEMA_ID, rows.get(0)));
        DefaultValueRecordBatch.Builder values = DefaultValueRecordBatch.builder();
        values.append((short) SCHEMA_ID, rows.get(0));
        values.append(ValueEncoder.encodeValue((short) 4, rows.get(3)));
        DefaultValueRecordBatch batch = values.build();
        byte[] bytes = new byte[batch.sizeInBytes()];
        batch.getSegment().get(batch.getPosition(), bytes);
        line("value-batch", bytes);
    }

    private static List<BinaryRow> encode(RowEncoder encoder, Object[][] rows) {
        List<BinaryRow> encoded = new ArrayList<>();
        for (Object[] row : rows) {
            encoder.startNewRow();
            for (int i = 0; i < row.length; i++) {
                encoder.encodeField(i, row[i]);
            }
            encoded.add(encoder.finishRow().copy());
        }
        return encoded;
    }

    private static BinaryString text(String value) {
        return BinaryString.fromString(value);
    }

    private static Decimal decimal(String value, int precision, int scale) {
        return Decimal.fromBigDecimal(new BigDecimal(value), precision, scale);
    }

    private static byte[] bytes(BinaryRow row) {
        byte[] bytes = new byte[row.getSizeInBytes()];
        row.copyTo(bytes, 0);
        return bytes;
    }

    private static byte[] bytes(BytesView view) {
        ByteBuffer buffer = view.getByteBuf().nioBuffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private static void line(String name, byte[] bytes) throws IOException {
        StringBuilder hex = new StringBuilder();
        for (byte value : bytes) {
            hex.append(String.format("%02x", value));
        }
        System.out.println(name + " " + hex);
    }
}
