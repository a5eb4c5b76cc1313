package thalweg.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Flink's SQL engine as a command interpreter, on a cluster inside this JVM.
 *
 * <p>Every line of standard input is a JSON object whose "do" names a command of {@link Commands}. It is answered by
 * one line of standard output: {"ok": result}, or {"error": class of the exception, "message": its text and those of
 * its causes}. The one argument is a folder for what Flink writes.
 */
public final class FlinkSql {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private FlinkSql() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Statements without a result to return print "OK" and the like; only answers may go there.
        System.setOut(System.err);
        BufferedReader requests =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Cluster cluster = Cluster.start(Path.of(arguments[0]));
                Commands commands = new Commands(cluster)) {
            answers.println("{\"ok\":\"ready\"}");
            for (String line; (line = requests.readLine()) != null; ) {
                answers.println(MAPPER.writeValueAsString(answer(commands, line)));
            }
        }
    }

    private static ObjectNode answer(Commands commands, String line) {
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        try {
            JsonNode request = MAPPER.readTree(line);
            answer.set("ok", commands.run(request.get("do").textValue(), request));
        } catch (Throwable raised) {
            raised.printStackTrace();
            StringBuilder texts = new StringBuilder(String.valueOf(raised.getMessage()));
            Throwable cause = raised;
            while (cause.getCause() != null) {
                cause = cause.getCause();
                texts.append("\n").append(cause.getMessage());
            }
            answer.put("error", cause.getClass().getSimpleName());
            answer.put("message", texts.toString());
        }
        return answer;
    }
}
