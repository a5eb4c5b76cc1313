package thalweg.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.LongNode;
import java.util.concurrent.TimeUnit;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.ConnectionFactory;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.metadata.KvSnapshots;
import org.apache.fluss.config.Configuration;
import org.apache.fluss.metadata.TablePath;

/** The snapshots of a primary-key table, asked for by the client that is in the connector. */
final class Snapshots {
    private static final long RETRY_MS = 50;

    private Snapshots() {}

    /** How much of the changelog the table's latest snapshots cover, once that is {@code rows} or after the wait. */
    static JsonNode await(String bootstrap, TablePath table, long rows, long wait_ms) throws Exception {
        Configuration settings = new Configuration();
        settings.setString("bootstrap.servers", bootstrap);
        long deadline = System.nanoTime() + wait_ms * 1_000_000;
        try (Connection connection = ConnectionFactory.createConnection(settings);
                Admin admin = connection.getAdmin()) {
            while (true) {
                long covered = covered(admin.getLatestKvSnapshots(table).get(wait_ms, TimeUnit.MILLISECONDS));
                if (covered >= rows || System.nanoTime() > deadline) {
                    return LongNode.valueOf(covered);
                }
                Thread.sleep(RETRY_MS);
            }
        }
    }

    private static long covered(KvSnapshots snapshots) {
        return snapshots.getBucketIds().stream()
                .mapToLong(bucket -> snapshots.getLogOffset(bucket).orElse(0))
                .sum();
    }
}
