import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

/**
 * What a database tool does over JDBC: looks around, creates, writes, reads with parameters, makes a mistake. Prints a line for each.
 * Arguments: URL, database, user and password (empty: none).
 */
public final class Jdbc {
  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    if (!arguments[2].isEmpty()) {
      properties.put("user", arguments[2]);
      properties.put("password", arguments[3]);
    }
    String database = arguments[1];
    try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
      DatabaseMetaData metadata = connection.getMetaData();
      System.out.println("product " + metadata.getDatabaseProductName());
      try (Statement statement = connection.createStatement()) {
        statement.execute("CREATE TABLE " + database + ".goods (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR, price DECIMAL(8, 2))");
        System.out.println("inserted " + statement.executeUpdate(
            "INSERT INTO " + database + ".goods VALUES (1, 'nail', 0.10), (2, 'screw', 0.25), (3, NULL, 7)"));
      }
      print("schemas", metadata.getSchemas(null, database), "TABLE_SCHEM");
      print("tables", metadata.getTables(null, database, "%", null), "TABLE_NAME");
      print("columns", metadata.getColumns(null, database, "goods", "%"), "COLUMN_NAME");
      print("keys", metadata.getPrimaryKeys(null, database, "goods"), "COLUMN_NAME");
      String query = "SELECT name, price FROM " + database + ".goods WHERE id = ? AND price < ?";
      try (PreparedStatement statement = connection.prepareStatement(query)) {
        for (long id = 1; id <= 2; ++id) {
          statement.setLong(1, id);
          statement.setBigDecimal(2, new BigDecimal("5.00")); // the driver converts no other type, nor scale
          print("found", statement.executeQuery(), "name");
        }
      }
      try (PreparedStatement statement = connection.prepareStatement("DELETE FROM " + database + ".goods WHERE id = ?")) {
        statement.setLong(1, 3);
        System.out.println("deleted " + statement.executeUpdate());
      }
      try (Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SELECT range AS i FROM range(1000000000000)")) {
        rows.next(); // all of them would take hours
        System.out.println("first " + rows.getLong("i"));
      }
      cancel(connection);
      try (Statement statement = connection.createStatement()) {
        print("count", statement.executeQuery("SELECT count(*) AS n FROM " + database + ".goods"), "n");
        statement.executeQuery("SELECT nothing FROM " + database + ".goods");
      } catch (Exception mistake) {
        System.out.println("mistake " + mistake.getMessage().contains("nothing"));
      }
    }
    System.exit(0);
  }

  /** The driver has a query's first rows before executeQuery returns, so another thread cancels. */
  private static void cancel(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      Thread canceller = new Thread(() -> {
        try {
          Thread.sleep(500);
          statement.cancel();
        } catch (Exception failed) {
          System.out.println("cancel " + failed);
        }
      });
      canceller.start();
      try (ResultSet rows = statement.executeQuery(
          "SELECT count(*) AS n FROM range(1000000000) a, range(1000) b WHERE a.range % 7 = b.range")) {
        System.out.println("cancelled " + !rows.next());
      } catch (Exception cancelled) {
        System.out.println("cancelled true");
      }
      canceller.join();
    }
  }

  private static void print(String what, ResultSet rows, String column) throws Exception {
    StringBuilder line = new StringBuilder(what);
    while (rows.next()) {
      line.append(' ').append(rows.getString(column));
    }
    rows.close();
    System.out.println(line);
  }
}
