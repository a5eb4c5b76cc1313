package thalweg.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.fluss.metadata.TablePath;

/**
 * The commands. "mode" is "streaming" (where left out) or "batch": each has a session of its own, with its own
 * catalogs and temporary views.
 */
final class Commands implements AutoCloseable {
    private static final long JOB_S_MAX = 60;

    private static final String CHECKPOINT_INTERVAL = "100ms";

    private final Cluster cluster;
    private final Map<String, TableEnvironment> sessions = new HashMap<>();
    private final Map<String, Query> queries = new HashMap<>();
    private final Map<String, JobClient> jobs = new HashMap<>();
    private final List<TableResult> insertions = new ArrayList<>();

    Commands(Cluster cluster) {
        this.cluster = cluster;
        sessions.put("streaming", session(cluster, EnvironmentSettings.newInstance().inStreamingMode()));
        sessions.put("batch", session(cluster, EnvironmentSettings.newInstance().inBatchMode()));
    }

    private static TableEnvironment session(Cluster cluster, EnvironmentSettings.Builder settings) {
        return TableEnvironment.create(settings.withConfiguration(cluster.client()).build());
    }

    JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "sql":
                return sql(request);
            case "explain":
                return TextNode.valueOf(session(request).explainSql(statement(request)));
            case "insert":
                insertions.add(session(request).executeSql(statement(request)));
                return BooleanNode.TRUE;
            case "settle":
                return settle();
            case "set":
                return set(request);
            case "snapshots":
                return Snapshots.await(
                        request.get("bootstrap").textValue(),
                        TablePath.of(request.get("database").textValue(), request.get("table").textValue()),
                        request.get("rows").longValue(),
                        request.get("wait_ms").longValue());
            case "open":
                queries.put(name(request), new Query(name(request), session(request).executeSql(statement(request))));
                return BooleanNode.TRUE;
            case "take":
                return strings(
                        queries.get(name(request)).take(request.get("count").intValue(), request.get("wait_ms").longValue()));
            case "close":
                queries.remove(name(request)).close();
                return BooleanNode.TRUE;
            case "start":
                return start(request);
            case "savepoint":
                return savepoint(request);
            case "cancel":
                jobs.remove(name(request)).cancel().get(JOB_S_MAX, TimeUnit.SECONDS);
                return BooleanNode.TRUE;
            default:
                throw new IllegalArgumentException("no command " + command);
        }
    }

    /** Runs a statement to its end: the rows of a result; for an insertion nothing. */
    private JsonNode sql(JsonNode request) throws Exception {
        String statement = statement(request);
        TableResult result = session(request).executeSql(statement);
        ArrayNode rows = JsonNodeFactory.instance.arrayNode();
        if (result.getJobClient().isPresent() && !isQuery(statement)) {
            result.await(JOB_S_MAX, TimeUnit.SECONDS);
            return rows;
        }
        try (CloseableIterator<Row> found = result.collect()) {
            while (found.hasNext()) {
                rows.add(found.next().toString());
            }
        }
        return rows;
    }

    /**
     * Waits for the insertions that "insert" has begun. They are not waited for one by one, because a writer of Fluss
     * takes two seconds to close, long after its rows can be read.
     */
    private JsonNode settle() throws Exception {
        List<TableResult> begun = List.copyOf(insertions);
        insertions.clear();
        for (TableResult insertion : begun) {
            insertion.await(JOB_S_MAX, TimeUnit.SECONDS);
        }
        return BooleanNode.TRUE;
    }

    private static boolean isQuery(String statement) {
        return statement.stripLeading().regionMatches(true, 0, "select", 0, 6);
    }

    /** A setting of the session; without a value, its default again. */
    private JsonNode set(JsonNode request) {
        TableEnvironment session = session(request);
        String key = request.get("key").textValue();
        if (request.has("value")) {
            session.getConfig().set(key, request.get("value").textValue());
        } else {
            Configuration settings = session.getConfig().getConfiguration();
            settings.removeKey(key);
        }
        return BooleanNode.TRUE;
    }

    /**
     * Starts an insertion that goes on, from the savepoint that "savepoint" names, if any. It gets a session of its own,
     * because one keeps the settings of a job for all that come later.
     */
    private JsonNode start(JsonNode request) throws Exception {
        TableEnvironment session = session(cluster, EnvironmentSettings.newInstance().inStreamingMode());
        session.getConfig().addConfiguration(session(request).getConfig().getConfiguration());
        session.getConfig().set("execution.checkpointing.interval", CHECKPOINT_INTERVAL);
        if (request.has("savepoint")) {
            session.getConfig().set("execution.state-recovery.path", request.get("savepoint").textValue());
        }
        for (JsonNode preparation : request.get("preparations")) {
            session.executeSql(preparation.textValue());
        }
        TableResult result = session.executeSql(statement(request));
        jobs.put(name(request), result.getJobClient().orElseThrow());
        return BooleanNode.TRUE;
    }

    /** A savepoint of a job in "directory", with which the job ends where "stop" is true: its path. */
    private JsonNode savepoint(JsonNode request) throws Exception {
        JobClient job = jobs.get(name(request));
        String directory = request.get("directory").textValue();
        boolean stop = request.get("stop").booleanValue();
        String path =
                (stop
                                ? job.stopWithSavepoint(false, directory, SavepointFormatType.CANONICAL)
                                : job.triggerSavepoint(directory, SavepointFormatType.CANONICAL))
                        .get(JOB_S_MAX, TimeUnit.SECONDS);
        if (stop) {
            jobs.remove(name(request));
        }
        return TextNode.valueOf(path);
    }

    private TableEnvironment session(JsonNode request) {
        return sessions.get(request.path("mode").asText("streaming"));
    }

    private static String name(JsonNode request) {
        return request.get("name").textValue();
    }

    private static String statement(JsonNode request) {
        return request.get("statement").textValue();
    }

    private static JsonNode strings(List<String> texts) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        texts.forEach(array::add);
        return array;
    }

    @Override
    public void close() throws Exception {
        for (Query query : queries.values()) {
            query.close();
        }
        for (JobClient job : jobs.values()) {
            job.cancel().get(JOB_S_MAX, TimeUnit.SECONDS);
        }
    }
}
