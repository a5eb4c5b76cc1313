package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.ConnectionFactory;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.config.Configuration;
import org.apache.fluss.exception.FlussRuntimeException;

/**
 * The stock Java client as a command interpreter.
 *
 * <p>Every line of standard input is a JSON object whose "do" names a command of one of the {@link
 * CommandSet}s. It is answered by one line of standard output: {"ok": result}, or {"error": class of
 * the exception, "message": its text}. Arguments are NAME=VALUE pairs of the client's own
 * configuration.
 */
public final class JavaClient {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private JavaClient() {}

    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new Configuration();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            configuration.setString(argument.substring(0, equals), argument.substring(equals + 1));
        }
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader requests =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Connection connection = ConnectionFactory.createConnection(configuration);
                Admin admin = connection.getAdmin()) {
            List<CommandSet> sets =
                    List.of(
                            new AdminCommands(admin),
                            new AclCommands(admin),
                            new ClusterCommands(admin),
                            new DataCommands(connection, admin),
                            new KeyCommands(connection),
                            new SnapshotCommands(connection, admin));
            answers.println("{\"ok\":\"ready\"}");
            for (String line; (line = requests.readLine()) != null; ) {
                answers.println(MAPPER.writeValueAsString(answer(sets, line)));
            }
        }
    }

    private static ObjectNode answer(List<CommandSet> sets, String line) {
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        try {
            JsonNode request = MAPPER.readTree(line);
            String command = request.get("do").textValue();
            JsonNode result = null;
            for (CommandSet set : sets) {
                if (result == null) {
                    result = set.run(command, request);
                }
            }
            if (result == null) {
                throw new IllegalArgumentException("no command " + command);
            }
            answer.set("ok", result);
        } catch (Throwable raised) {
            Throwable cause = raised;
            while (cause.getCause() != null && isWrapper(cause)) {
                cause = cause.getCause();
            }
            raised.printStackTrace();
            answer.put("error", cause.getClass().getSimpleName());
            answer.put("message", String.valueOf(cause.getMessage()));
        }
        return answer;
    }

    /** True for what only carries the exception that names the reason. */
    private static boolean isWrapper(Throwable raised) {
        return raised instanceof ExecutionException
                || raised instanceof CompletionException
                || raised.getClass() == FlussRuntimeException.class;
    }
}
