package thalweg.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Collection;
import java.util.Collections;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.security.acl.AccessControlEntry;
import org.apache.fluss.security.acl.AccessControlEntryFilter;
import org.apache.fluss.security.acl.AclBinding;
import org.apache.fluss.security.acl.AclBindingFilter;
import org.apache.fluss.security.acl.FlussPrincipal;
import org.apache.fluss.security.acl.OperationType;
import org.apache.fluss.security.acl.PermissionType;
import org.apache.fluss.security.acl.Resource;
import org.apache.fluss.security.acl.ResourceFilter;
import org.apache.fluss.security.acl.ResourceType;

/** Rights: each is told as "USER OPERATION TYPE NAME", as in "bob READ TABLE sales.orders". */
final class AclCommands implements CommandSet {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Admin admin;

    AclCommands(Admin admin) {
        this.admin = admin;
    }

    @Override
    public JsonNode run(String command, JsonNode request) throws Exception {
        switch (command) {
            case "grant":
                admin.createAcls(Collections.singleton(binding(request.get("right").textValue()))).all().get();
                return JSON.booleanNode(true);
            case "rights":
                return rights(admin.listAcls(AclBindingFilter.ANY).get());
            case "revoke":
                return rights(admin.dropAcls(Collections.singleton(filter(request.get("user").textValue()))).all().get());
            default:
                return null;
        }
    }

    private static AclBinding binding(String right) {
        String[] words = right.split(" ");
        return new AclBinding(
                new Resource(ResourceType.valueOf(words[2]), words[3]),
                new AccessControlEntry(
                        new FlussPrincipal(words[0], "User"),
                        AccessControlEntry.WILD_CARD_HOST,
                        OperationType.valueOf(words[1]),
                        PermissionType.ALLOW));
    }

    private static AclBindingFilter filter(String user) {
        return new AclBindingFilter(
                ResourceFilter.ANY,
                new AccessControlEntryFilter(
                        new FlussPrincipal(user, "User"), null, OperationType.ANY, PermissionType.ANY));
    }

    private static JsonNode rights(Collection<AclBinding> bindings) {
        ArrayNode rights = JSON.arrayNode();
        bindings.stream()
                .map(
                        one ->
                                String.join(
                                        " ",
                                        one.getAccessControlEntry().getPrincipal().getName(),
                                        one.getAccessControlEntry().getOperationType().name(),
                                        one.getResource().getType().name(),
                                        one.getResource().getName()))
                .sorted()
                .forEach(rights::add);
        return rights;
    }
}
