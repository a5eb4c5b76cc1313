package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.cluster.rebalance.GoalType;
import org.apache.fluss.cluster.rebalance.RebalanceProgress;
import org.apache.fluss.cluster.rebalance.ServerTag;
import org.apache.fluss.config.cluster.AlterConfig;
import org.apache.fluss.config.cluster.AlterConfigOpType;
import org.apache.fluss.config.cluster.ConfigEntry;

/** The commands for the cluster as a whole; their names are those of the client's {@link Admin}. */
final class ClusterCommands implements CommandSet {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Admin admin;

    ClusterCommands(Admin admin) {
        this.admin = admin;
    }

    @Override
    public JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "describe_configs":
                return describeConfigs();
            case "alter_config":
                return alterConfig(request);
            case "add_server_tag":
                admin.addServerTag(servers(request), tag(request)).get();
                return JSON.booleanNode(true);
            case "remove_server_tag":
                admin.removeServerTag(servers(request), tag(request)).get();
                return JSON.booleanNode(true);
            case "rebalance":
                return JSON.textNode(admin.rebalance(goals(request)).get());
            case "rebalance_progress":
                return progress(admin.listRebalanceProgress(request.path("id").textValue()).get());
            case "cancel_rebalance":
                admin.cancelRebalance(request.path("id").textValue()).get();
                return JSON.booleanNode(true);
            case "lake_snapshot":
                return JSON.numberNode(
                        admin.getLatestLakeSnapshot(AdminCommands.table(request)).get().getSnapshotId());
            default:
                return null;
        }
    }

    private static List<Integer> servers(JsonNode request) {
        List<Integer> servers = new ArrayList<>();
        request.get("servers").forEach(server -> servers.add(server.intValue()));
        return servers;
    }

    private static ServerTag tag(JsonNode request) {
        return ServerTag.valueOf(request.get("tag").textValue());
    }

    private static List<GoalType> goals(JsonNode request) {
        List<GoalType> goals = new ArrayList<>();
        request.get("goals").forEach(goal -> goals.add(GoalType.valueOf(goal.textValue())));
        return goals;
    }

    /** By name: value and where it comes from. */
    private JsonNode describeConfigs() throws Exception {
        ObjectNode json = JSON.objectNode();
        for (ConfigEntry entry : admin.describeClusterConfigs().get()) {
            ArrayNode one = json.putArray(entry.key());
            one.add(entry.value()).add(entry.source().name());
        }
        return json;
    }

    /** Without a value the option is deleted. */
    private JsonNode alterConfig(JsonNode request) throws Exception {
        String value = request.path("value").textValue();
        AlterConfigOpType operation = value == null ? AlterConfigOpType.DELETE : AlterConfigOpType.SET;
        AlterConfig change = new AlterConfig(request.get("key").textValue(), value, operation);
        admin.alterClusterConfigs(List.of(change)).get();
        return JSON.booleanNode(true);
    }

    private static JsonNode progress(Optional<RebalanceProgress> progress) {
        if (progress.isEmpty()) {
            return JSON.objectNode();
        }
        return JSON.objectNode()
                .put("id", progress.get().rebalanceId())
                .put("status", progress.get().status().name())
                .put("buckets", progress.get().progressForBucketMap().size());
    }
}
