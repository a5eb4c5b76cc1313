package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;

/** Commands of one subject. */
interface CommandSet {
    /** What the command answers; null for a command of another set. */
    JsonNode run(String command, JsonNode request) throws Exception;
}
