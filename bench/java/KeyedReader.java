import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Scanner;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.ConnectionFactory;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.lookup.Lookuper;
import org.apache.fluss.client.metadata.KvSnapshots;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.batch.BatchScanner;
import org.apache.fluss.config.Configuration;
import org.apache.fluss.metadata.TableBucket;
import org.apache.fluss.metadata.TablePath;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.utils.CloseableIterator;

/**
 * Reads rows by key with the stock Java client. Arguments: settings of the client, NAME=VALUE. Then one command a line:
 *
 * <pre>
 *   many TABLE FIRST KEYS WIDTH COUNT       COUNT lookups of random keys, WIDTH in flight -> rows found
 *   prefixes TABLE KEYS WIDTH COUNT         the same by prefix                            -> rows found
 *   single TABLE FIRST KEYS COUNT           one after the other                           -> milliseconds of each
 *   latest TABLE                            of bucket 0                                   -> snapshot and its offset, or -1 -1
 *   snapshot TABLE NUMBER                   all rows of it                                -> rows read
 * </pre>
 */
final class KeyedReader {
    private static final String DATABASE = "bench";
    private static final Duration POLL = Duration.ofMillis(500);

    public static void main(String[] settings) throws Exception {
        Configuration configuration = new Configuration();
        for (String setting : settings) {
            String[] parts = setting.split("=", 2);
            configuration.setString(parts[0], parts[1]);
        }
        Random random = new Random(1);
        try (Connection connection = ConnectionFactory.createConnection(configuration);
                Scanner commands = new Scanner(System.in)) {
            System.out.println("ready");
            while (commands.hasNextLine()) {
                String[] words = commands.nextLine().split(" ");
                try (Table table = connection.getTable(TablePath.of(DATABASE, words[1]))) {
                    System.out.println(run(connection, table, words, random));
                }
            }
        }
        System.exit(0); // the client leaves threads behind
    }

    private static String run(Connection connection, Table table, String[] words, Random random) throws Exception {
        switch (words[0]) {
            case "many": {
                long first = Long.parseLong(words[2]);
                int keys = Integer.parseInt(words[3]);
                Lookuper lookuper = table.newLookup().createLookuper();
                return many(lookuper, Integer.parseInt(words[4]), Integer.parseInt(words[5]),
                        () -> GenericRow.of(first + random.nextInt(keys)));
            }
            case "prefixes": {
                int keys = Integer.parseInt(words[2]);
                Lookuper lookuper = table.newLookup().lookupBy("owner").createLookuper();
                return many(lookuper, Integer.parseInt(words[3]), Integer.parseInt(words[4]),
                        () -> GenericRow.of(random.nextInt(keys)));
            }
            case "single":
                return single(table.newLookup().createLookuper(), Long.parseLong(words[2]),
                        Integer.parseInt(words[3]), Integer.parseInt(words[4]), random);
            case "latest":
                return latest(connection, table);
            case "snapshot":
                return snapshot(table, Long.parseLong(words[2]));
            default:
                throw new IllegalArgumentException("there is no command " + words[0]);
        }
    }

    private static String latest(Connection connection, Table table) throws Exception {
        try (Admin admin = connection.getAdmin()) {
            KvSnapshots found = admin.getLatestKvSnapshots(table.getTableInfo().getTablePath()).get();
            return found.getSnapshotId(0).orElse(-1) + " " + found.getLogOffset(0).orElse(-1);
        }
    }

    private static String snapshot(Table table, long number) throws Exception {
        TableBucket bucket = new TableBucket(table.getTableInfo().getTableId(), 0);
        long rows = 0;
        try (BatchScanner scanner = table.newScan().createBatchScanner(bucket, number)) {
            for (CloseableIterator<InternalRow> batch; (batch = scanner.pollBatch(POLL)) != null; ) {
                while (batch.hasNext()) {
                    batch.next();
                    rows++;
                }
            }
        }
        return Long.toString(rows);
    }

    private interface Keys {
        GenericRow next();
    }

    private static String many(Lookuper lookuper, int width, int count, Keys keys) throws Exception {
        Semaphore room = new Semaphore(width);
        AtomicLong found = new AtomicLong();
        for (int i = 0; i < count; i++) {
            room.acquire();
            lookuper.lookup(keys.next()).whenComplete((result, error) -> {
                if (error == null) {
                    found.addAndGet(result.getRowList().stream().filter(row -> row != null).count());
                }
                room.release();
            });
        }
        room.acquire(width);
        return Long.toString(found.get());
    }

    private static String single(Lookuper lookuper, long first, int keys, int count, Random random) throws Exception {
        List<String> milliseconds = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            GenericRow key = GenericRow.of(first + random.nextInt(keys));
            long began = System.nanoTime();
            if (lookuper.lookup(key).get().getSingletonRow() == null) {
                throw new IllegalStateException("a key was not found");
            }
            milliseconds.add(String.format(Locale.ROOT, "%.4f", (System.nanoTime() - began) / 1e6));
        }
        return String.join(" ", milliseconds);
    }
}
