package thalweg.flink;

import java.net.URI;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;

/** One job manager and one task manager in this JVM, spoken to over their REST port as a real cluster is. */
final class Cluster implements AutoCloseable {
    // Each running query or insertion takes as many slots as its parallelism, which is 1 unless a test raises it.
    private static final int SLOTS = 16;

    private final MiniCluster cluster;
    private final Configuration client;

    private Cluster(MiniCluster cluster, Configuration client) {
        this.cluster = cluster;
        this.client = client;
    }

    static Cluster start(Path directory) throws Exception {
        Configuration settings = new Configuration();
        settings.setString("rest.address", "127.0.0.1");
        settings.setString("rest.bind-address", "127.0.0.1");
        settings.setString("rest.bind-port", "0");
        settings.setString("io.tmp.dirs", directory.resolve("tmp").toString());
        settings.setString("taskmanager.memory.managed.size", "64m");
        settings.setString("taskmanager.memory.network.min", "32m");
        settings.setString("taskmanager.memory.network.max", "32m");
        settings.setString("taskmanager.memory.segment-size", "8kb");
        MiniCluster cluster =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(settings)
                                .setNumTaskManagers(1)
                                .setNumSlotsPerTaskManager(SLOTS)
                                .build());
        cluster.start();
        URI address = cluster.getRestAddress().get();
        Configuration client = new Configuration();
        client.setString("execution.target", "remote");
        client.setString("execution.attached", "true");
        client.setString("rest.address", address.getHost());
        client.setString("rest.port", String.valueOf(address.getPort()));
        client.setString("jobmanager.rpc.address", address.getHost());
        client.setString("parallelism.default", "1");
        client.setString("table.exec.resource.default-parallelism", "1");
        client.setString("table.local-time-zone", "UTC");
        return new Cluster(cluster, client);
    }

    /** What a table environment needs to run its jobs here. */
    Configuration client() {
        return client;
    }

    @Override
    public void close() throws Exception {
        cluster.close();
    }
}
