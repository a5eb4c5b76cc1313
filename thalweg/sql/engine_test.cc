#include "thalweg/sql/engine.h"

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/type.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/sql/test_database_internal.h"

namespace thalweg::sql {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Runs longer than any test may.
constexpr const char* kEndless =
    "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = 7";

class EngineTest : public ::testing::Test {
 protected:
  std::vector<std::string> Run(std::string_view sql) { return db_.Run(sql); }
  void Must(std::string_view sql) {
    for (const auto& row : Run(sql)) ASSERT_THAT(row, ::testing::Not(HasSubstr("error: "))) << sql;
  }

  TestDatabase db_;
};

TEST_F(EngineTest, AnswersWithoutTables) {
  EXPECT_THAT(Run("SELECT 1 + 1, 'a' || 'b', NULL"), ElementsAre("2|ab|NULL"));
  EXPECT_THAT(Run("SELECT * FROM range(3)"), ElementsAre("0", "1", "2"));
  EXPECT_THAT(Run("SELECT 1 WHERE false"), IsEmpty());
  EXPECT_EQ(db_.One("SELECT count(*) FROM range(1000000) WHERE range % 7 = 3"), "142857");
}

TEST_F(EngineTest, EnumsAreGivenOutAsText) {
  EXPECT_EQ(db_.One("SELECT e, [e, NULL], {'of': e} FROM (VALUES ('b'::ENUM('a', 'b'))) t(e)"),
            "b|list<l: string>[b, null]|{of:string = b}");
}

TEST_F(EngineTest, EveryTypeGoesInAndOut) {
  Must(
      R"(CREATE TABLE t (a BOOLEAN, b TINYINT, c SMALLINT, d INT, e BIGINT, f FLOAT, g DOUBLE, h CHAR(3), i STRING, j BINARY(2),
          k BYTES, l DECIMAL(30, 5), m DATE, n TIME(3), o TIMESTAMP(0), p TIMESTAMP(3), q TIMESTAMP(6), r TIMESTAMP(9),
          s TIMESTAMP_LTZ(3), u ARRAY<STRING>, v MAP<STRING, ARRAY<INT>>, w ROW<x INT, y ROW<z TIMESTAMP_LTZ(3)>>))");
  EXPECT_THAT(
      Run(R"(INSERT INTO t VALUES (true, 1, 2, 3, 4, 1.5, 2.5, 'abc', 'text', 'ab'::BLOB, '\x00\xff'::BLOB, 123456789.12345,
          DATE '2026-01-02', TIME '10:11:12.345', '2026-01-02 03:04:05', '2026-01-02 03:04:05.678',
          '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05.678901234', '2026-01-02 03:04:05.6789+01',
          ['a', NULL], MAP {'k': [1, 2]}, {'x': 1, 'y': {'z': '1969-12-31 23:59:59.9999+00'}}))"),
      ElementsAre("1"));
  EXPECT_THAT(Run("INSERT INTO t (a) VALUES (NULL)"), ElementsAre("1"));
  EXPECT_THAT(Run("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM t WHERE a"),
              ElementsAre("true|1|2|3|4|1.5|2.5|abc|text|ab|\\x00\\xFF|123456789.12345|2026-01-02|10:11:12.345|"
                          "2026-01-02 03:04:05|2026-01-02 03:04:05.678|2026-01-02 03:04:05.678901|"
                          "2026-01-02 03:04:05.678901234|2026-01-02 02:04:05.678+00|[a, NULL]|{k=[1, 2]}|"
                          "{'x': 1, 'y': {'z': '1969-12-31 23:59:59.999+00'}}"));
  EXPECT_EQ(db_.One("SELECT count(*) FROM t WHERE e IS NULL AND v IS NULL AND w IS NULL"), "1");
  EXPECT_THAT(Run("INSERT INTO t (j) VALUES ('abc'::BLOB)"), Contains(HasSubstr("BINARY(2)")));
}

TEST_F(EngineTest, InfinityIsBeyondAllMoments) {
  Must("CREATE TABLE t (a TIMESTAMP(0), b TIMESTAMP(3), c TIMESTAMP(6), d TIMESTAMP(9), e TIMESTAMP_LTZ(3))");
  Must("INSERT INTO t VALUES ('2026-01-01', '2026-01-01', '2026-01-01', '2026-01-01', '2026-01-01')");
  for (const char* column : {"a", "b", "c", "d", "e"}) {
    const std::string type = db_.One(std::string("SELECT typeof(") + column + ") FROM t");
    const auto count = [&](const char* compare, const char* infinity) {
      return db_.One(std::string("SELECT count(*) FROM t WHERE ") + column + compare + "'" + infinity + "'::" + type);
    };
    EXPECT_EQ(count(" < ", "infinity"), "1") << type;
    EXPECT_EQ(count(" > ", "infinity"), "0") << type;
    EXPECT_EQ(count(" > ", "-infinity"), "1") << type;
    EXPECT_EQ(count(" < ", "-infinity"), "0") << type;
  }
  EXPECT_THAT(Run("INSERT INTO t (e) VALUES ('infinity')"), Contains(HasSubstr("Infinity is no moment")));
  EXPECT_THAT(Run("INSERT INTO t (e) VALUES ('-infinity')"), Contains(HasSubstr("Infinity is no moment")));
  EXPECT_THAT(Run("SELECT e::VARCHAR FROM t"), ElementsAre("2026-01-01 00:00:00+00"));
}

TEST_F(EngineTest, RowsByKeyAreReplacedChangedAndDeleted) {
  Must("CREATE TABLE k (id INT PRIMARY KEY NOT ENFORCED, v STRING, n INT) WITH ('bucket.num' = '2')");
  EXPECT_THAT(Run("INSERT INTO k SELECT i, 'v' || i, i FROM range(100) t(i)"), ElementsAre("100"));
  EXPECT_THAT(Run("INSERT INTO k VALUES (1, 'new', 5)"), ElementsAre("1"));
  EXPECT_THAT(Run("INSERT INTO k (id, v) VALUES (2, 'part'), (200, 'fresh')"), ElementsAre("2"));
  EXPECT_THAT(Run("SELECT * FROM k WHERE id IN (1, 2, 200) ORDER BY id"),
              ElementsAre("1|new|5", "2|part|2", "200|fresh|NULL"));
  EXPECT_THAT(Run("UPDATE k SET n = n + 1000, v = upper(v) WHERE id < 5 AND n IS NOT NULL"), ElementsAre("5"));
  EXPECT_THAT(Run("SELECT id, v, n FROM k WHERE n >= 1000 ORDER BY id LIMIT 2"),
              ElementsAre("0|V0|1000", "1|NEW|1005"));
  EXPECT_THAT(Run("DELETE FROM k WHERE id % 2 = 0"), ElementsAre("51"));
  EXPECT_EQ(db_.One("SELECT count(*) || ' ' || sum(id) FROM k"), "50 2500");
  EXPECT_THAT(Run("UPDATE k SET v = o.v FROM (SELECT 3 AS id, 'joined' AS v) o WHERE k.id = o.id"), ElementsAre("1"));
  EXPECT_EQ(db_.One("SELECT v FROM k WHERE id = 3"), "joined");
  EXPECT_THAT(Run("UPDATE k SET id = 7"), Contains(HasSubstr("never changes")));
  EXPECT_THAT(Run("INSERT INTO k VALUES (1, 'a', 1) ON CONFLICT (id) DO NOTHING"), Contains(HasSubstr("error: ")));
}

TEST_F(EngineTest, AnUpdateWritesWholeRowsWhereATableTakesNoOthers) {
  Must("CREATE TABLE k (a INT NOT NULL, id INT PRIMARY KEY, b STRING, c INT NOT NULL)");
  Must("INSERT INTO k VALUES (1, 10, 'x', 100), (2, 20, NULL, 200)");
  EXPECT_THAT(Run("UPDATE k SET b = 'set' WHERE id = 20"), ElementsAre("1"));
  EXPECT_THAT(Run("UPDATE k SET c = c + a, a = 7"), ElementsAre("2"));
  EXPECT_THAT(Run("SELECT * FROM k ORDER BY id"), ElementsAre("7|10|x|101", "7|20|set|202"));
  EXPECT_THAT(Run("UPDATE k SET a = NULL"), Contains(HasSubstr("error: ")));
  EXPECT_THAT(Run("UPDATE k SET id = 7"), Contains(HasSubstr("never changes")));
}

TEST_F(EngineTest, LogTablesKeepWhatIsAppended) {
  Must("CREATE TABLE t (id INT, v STRING) WITH ('bucket.num' = '3')");
  EXPECT_THAT(Run("INSERT INTO t SELECT i, 'v' || i % 10 FROM range(200000) r(i)"), ElementsAre("200000"));
  EXPECT_EQ(db_.One("SELECT count(*) || ' ' || sum(id) || ' ' || count(DISTINCT v) FROM t"), "200000 19999900000 10");
  EXPECT_EQ(db_.One("SELECT count(*) FROM t WHERE v = 'v3' AND id < 1000"), "100");
  EXPECT_THAT(Run("INSERT INTO t SELECT * FROM t WHERE id < 10"), ElementsAre("10"));
  EXPECT_THAT(Run("SELECT id FROM t LIMIT 5"), ::testing::SizeIs(5));
  EXPECT_THAT(Run("DELETE FROM t"), Contains(HasSubstr("no primary key")));
  EXPECT_THAT(Run("UPDATE t SET v = 'x'"), Contains(HasSubstr("no primary key")));
}

TEST_F(EngineTest, PartitionsAreFoundByTheirValues) {
  Must("CREATE TABLE p (id INT, day STRING) PARTITIONED BY (day)");
  Must("ALTER TABLE p ADD PARTITION (day = 'a')");
  EXPECT_THAT(Run("INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'a')"), ElementsAre("3"));
  EXPECT_THAT(Run("SHOW PARTITIONS p"), ElementsAre("a", "b"));
  EXPECT_THAT(Run("SELECT id FROM p WHERE day = 'a' ORDER BY id"), ElementsAre("1", "3"));
  Must("ALTER TABLE p DROP PARTITION (day = 'a')");
  EXPECT_THAT(Run("SELECT id FROM p"), ElementsAre("2"));
}

TEST_F(EngineTest, FiltersAndLimitsGoDown) {
  Must("CREATE TABLE t (id INT, v STRING)");
  const auto plan = [&](const std::string& query) {
    const auto rows = Run("EXPLAIN " + query);
    return rows.empty() ? std::string() : rows[0];
  };
  EXPECT_THAT(plan("SELECT v FROM t WHERE id = 1 AND v >= 'a'"),
              AllOf(HasSubstr("Pushed filters:"), HasSubstr("(id = 1)"), HasSubstr("(v >= 'a')")));
  EXPECT_THAT(plan("SELECT v FROM t WHERE id = 1"), ::testing::Not(HasSubstr("FILTER")));
  EXPECT_THAT(plan("SELECT v FROM t WHERE length(v) = 1"), HasSubstr("FILTER"));
  EXPECT_THAT(plan("SELECT v FROM t LIMIT 7 OFFSET 3"), HasSubstr("Pushed limit: 10"));
  EXPECT_THAT(plan("SELECT v FROM t WHERE length(v) = 1 LIMIT 7"), ::testing::Not(HasSubstr("Pushed limit")));
  EXPECT_THAT(plan("SELECT v FROM t ORDER BY v LIMIT 7"), ::testing::Not(HasSubstr("Pushed limit")));
}

TEST_F(EngineTest, ExplainTellsLookUpsFromScans) {
  Must(
      "CREATE TABLE k (id INT, day STRING, v STRING, PRIMARY KEY (id, day)) PARTITIONED BY (day) WITH ('bucket.num' = "
      "'4')");
  Must("INSERT INTO k SELECT i, d, 'v' FROM range(10) t(i), (VALUES ('a'), ('b')) s(d)");
  const auto plan = [&](const std::string& query) {
    const auto rows = Run("EXPLAIN " + query);
    return rows.empty() ? std::string() : rows[0];
  };
  EXPECT_THAT(plan("SELECT v FROM k WHERE id = 3 AND day = 'a'"),
              AllOf(HasSubstr("THALWEG_LOOKUP"), HasSubstr("Look-up: 1 key"), HasSubstr("(id = 3)"),
                    HasSubstr("Projections: v"), ::testing::Not(HasSubstr("Scan:"))));
  EXPECT_THAT(plan("SELECT v FROM k WHERE id IN (3, 5, 7) AND day IN ('a', 'b') LIMIT 2"),
              AllOf(HasSubstr("THALWEG_LOOKUP"), HasSubstr("Look-up: 6 keys"), HasSubstr("Pushed limit: 2")));
  const auto scans = [&](const std::string& query, const std::string& how) {
    EXPECT_THAT(plan(query), AllOf(HasSubstr("THALWEG_SCAN"), HasSubstr(how), ::testing::Not(HasSubstr("Look-up"))))
        << query;
  };
  scans("SELECT v FROM k", "Scan: 8 of 8 buckets");
  scans("SELECT v FROM k WHERE id > 3", "Scan: 8 of 8 buckets");
  scans("SELECT v FROM k WHERE day = 'b'", "Scan: 4 of 8 buckets");
  scans("SELECT v FROM k WHERE id = 3", "Scan: 2 of 8 buckets");
  scans("SELECT v FROM k WHERE id = 3 OR v = 'v'", "Scan: 8 of 8 buckets");
  EXPECT_EQ(db_.One("SELECT count(*) FROM k WHERE id IN (3, 5) AND day = 'a'"), "2");
  EXPECT_THAT(Run("SELECT v FROM k WHERE id = 3 AND day = 'a' LIMIT 1"), ElementsAre("v"));
}

TEST_F(EngineTest, DefinitionsReachTheCatalog) {
  Must("CREATE DATABASE d COMMENT 'mine'");
  Must("USE d");
  EXPECT_EQ(db_.session().database(), "d");
  Must("CREATE TABLE t (id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket.num' = '3', 'table.log.ttl' = '1 d')");
  const auto table = db_.catalog().view()->FindTable({"d", "t"});
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->bucket_count(), 3);
  EXPECT_EQ(table->descriptor->properties.at("table.log.ttl"), "1 d");
  Must("ALTER TABLE t ADD COLUMN c STRING");
  Must("INSERT INTO t VALUES (1, 'x')");
  EXPECT_THAT(Run("SELECT * FROM d.t"), ElementsAre("1|x"));
  EXPECT_THAT(Run("CREATE TABLE t (id INT)"), Contains(HasSubstr("t")));
  EXPECT_THAT(Run("CREATE TABLE IF NOT EXISTS t (id INT)"), ElementsAre("ok"));
  EXPECT_THAT(Run("DROP DATABASE d"), Contains(HasSubstr("error: ")));
  Must("DROP TABLE t");
  EXPECT_THAT(Run("SELECT * FROM t"), Contains(HasSubstr("does not exist")));
  Must("USE fluss");
  Must("DROP DATABASE d");
  EXPECT_THAT(Run("SHOW DATABASES"), ElementsAre("fluss"));
  EXPECT_THAT(Run("CREATE DATABASE thalweg"), Contains(HasSubstr("another name")));
}

TEST_F(EngineTest, TablesFromQueries) {
  EXPECT_THAT(
      Run("CREATE TABLE c WITH ('bucket.num' = '2') AS SELECT i AS id, 'v' || i AS v, i / 2 AS h FROM range(10) t(i)"),
      ElementsAre("10"));
  EXPECT_EQ(db_.One("SELECT sum(id) || ' ' || min(v) || ' ' || max(h) FROM c"), "45 v0 4.5");
  EXPECT_THAT(Run("CREATE TABLE k (PRIMARY KEY (id) NOT ENFORCED) AS SELECT * FROM c"), ElementsAre("10"));
  EXPECT_EQ(db_.One("SELECT v FROM k WHERE id = 3"), "v3");
  EXPECT_THAT(Run("CREATE TABLE u AS SELECT 1::UBIGINT AS x"), Contains(HasSubstr("Column x")));
  EXPECT_THAT(Run("CREATE TABLE IF NOT EXISTS c AS SELECT 1::BIGINT AS id, 'more' AS v, 1.0 AS h"), ElementsAre("0"));
  EXPECT_EQ(db_.One("SELECT count(*) FROM c"), "10");
  EXPECT_THAT(Run("CREATE TABLE f AS SELECT CAST(v AS INT) AS n FROM c"), Contains(HasSubstr("Could not convert")));
  EXPECT_THAT(Run("SELECT * FROM f"), Contains(HasSubstr("f does not exist")));
}

TEST_F(EngineTest, NamesAreFoundInAnyCase) {
  Must("CREATE TABLE \"Orders\" (\"Id\" INT)");
  Must("INSERT INTO orders VALUES (1)");
  EXPECT_THAT(Run("SELECT id FROM ORDERS"), ElementsAre("1"));
  EXPECT_THAT(Run("SELECT id FROM Fluss.orders"), ElementsAre("1"));
}

TEST_F(EngineTest, ChangesAreTables) {
  Must("CREATE TABLE k (id INT PRIMARY KEY, v STRING)");
  Must("INSERT INTO k VALUES (1, 'a')");
  Must("INSERT INTO k VALUES (1, 'b')");
  Must("DELETE FROM k WHERE id = 1");
  EXPECT_THAT(Run("SELECT _change_type, id, v FROM k$changelog ORDER BY _log_offset"),
              ElementsAre("insert|1|a", "update_before|1|a", "update_after|1|b", "delete|1|b"));
  EXPECT_EQ(db_.One("SELECT count(*) FROM k$binlog WHERE before.v = 'a'"), "1");
  EXPECT_THAT(Run("INSERT INTO k$changelog VALUES (1)"), Contains(HasSubstr("error: ")));
  EXPECT_THAT(Run("DELETE FROM k$binlog"), Contains(HasSubstr("write to fluss.k")));
}

TEST_F(EngineTest, SystemTables) {
  Must("CREATE TABLE k (id INT PRIMARY KEY, v STRING) COMMENT 'keys' WITH ('bucket.num' = '2')");
  Must("INSERT INTO k VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  EXPECT_EQ(db_.One("SELECT kind || ' ' || primary_key || ' ' || bucket_count || ' ' || comment FROM thalweg.tables"),
            "primary key id 2 keys");
  EXPECT_EQ(db_.One("SELECT count(*) || ' ' || sum(row_count) || ' ' || sum(end_offset) FROM thalweg.buckets"),
            "2 3 3");
  EXPECT_THAT(Run("SELECT * FROM thalweg.metrics"), ElementsAre("t_rows|kind=\"log\"|counter|7"));
  EXPECT_THAT(Run("SELECT * FROM thalweg.settings"), ElementsAre("a.setting|1|What it does."));
  EXPECT_EQ(db_.One("SELECT table_count FROM thalweg.databases"), "1");
  EXPECT_THAT(Run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'fluss'"), ElementsAre("k"));
  EXPECT_THAT(Run("INSERT INTO thalweg.tables (table_name) VALUES ('x')"), Contains(HasSubstr("cannot be written")));
}

TEST_F(EngineTest, StatementsWithParameters) {
  Must("CREATE TABLE k (id INT PRIMARY KEY, v STRING)");
  const auto insert = db_.session().Prepare("INSERT INTO k VALUES (?, ?)").ValueOrDie();
  EXPECT_EQ(insert->kind(), StatementKind::kChange);
  ASSERT_EQ(insert->parameters()->num_fields(), 2);
  EXPECT_TRUE(insert->parameters()->field(0)->type()->Equals(arrow::int32()));
  arrow::Int64Builder ids;
  arrow::StringBuilder values;
  ASSERT_TRUE(ids.AppendValues({1, 2, 3}).ok());
  ASSERT_TRUE(values.AppendValues({"a", "b", "c"}).ok());
  const auto rows =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("1", arrow::int64()), arrow::field("2", arrow::utf8())}), 3,
                               {ids.Finish().ValueOrDie(), values.Finish().ValueOrDie()});
  EXPECT_EQ(insert->Execute(rows).ValueOrDie().changed_rows, 3);

  const auto query = db_.session().Prepare("SELECT v FROM k WHERE id = $key").ValueOrDie();
  EXPECT_EQ(query->kind(), StatementKind::kQuery);
  EXPECT_EQ(query->columns()->field(0)->name(), "v");
  EXPECT_EQ(query->parameters()->field(0)->name(), "key");
  for (int64_t i = 0; i < 2; ++i) {
    const auto answer = query->Execute(rows->SelectColumns({0}).ValueOrDie()->Slice(i, 1)).ValueOrDie();
    EXPECT_THAT(TestDatabase::Text(*answer.rows).ValueOrDie(), ElementsAre(i == 0 ? "a" : "b"));
  }
  EXPECT_FALSE(query->Execute(nullptr).ok());
  EXPECT_FALSE(query->Execute(rows->SelectColumns({0}).ValueOrDie()).ok()) << "three rows for one query";
  EXPECT_TRUE(db_.session().Prepare("SELECT 'a' || ?").ok());
  EXPECT_FALSE(db_.session().Prepare("SELECT 1; SELECT 2").ok());
}

TEST_F(EngineTest, APreparedStatementSeesTheTableAsItIsNow) {
  Must("CREATE TABLE t (id INT)");
  const auto query = db_.session().Prepare("SELECT count(*) FROM t").ValueOrDie();
  Must("DROP TABLE t");
  EXPECT_FALSE(query->Execute(nullptr).ok());
  Must("CREATE TABLE t (id INT, v STRING)");
  Must("INSERT INTO t VALUES (1, 'a')");
  EXPECT_THAT(TestDatabase::Text(*query->Execute(nullptr).ValueOrDie().rows).ValueOrDie(), ElementsAre("1"));
}

TEST_F(EngineTest, AnAnswerEndsWithTheNextStatement) {
  const auto first = db_.session().Execute("SELECT * FROM range(1000000)").ValueOrDie();
  EXPECT_THAT(Run("SELECT 1"), ElementsAre("1"));
  std::shared_ptr<arrow::RecordBatch> batch;
  EXPECT_FALSE(first.rows->ReadNext(&batch).ok());
  const auto left = db_.session().Execute("SELECT * FROM range(1000000)").ValueOrDie();
  ASSERT_TRUE(left.rows->Close().ok());
  EXPECT_THAT(Run("SELECT 1"), ElementsAre("1"));
}

TEST_F(EngineTest, CancelEndsAStatementAndNoLaterOne) {
  auto running = std::async(std::launch::async, [&] { return Run(kEndless); });
  while (running.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) db_.session().Cancel();
  EXPECT_THAT(running.get(), ElementsAre(HasSubstr("cancelled")));
  db_.session().Cancel();
  EXPECT_THAT(Run("SELECT 1"), ElementsAre("1"));
}

TEST_F(EngineTest, TimeAndMemoryAreBounded) {
  const auto hurried = db_.Open({.time_ms_max = 100});
  EXPECT_THAT(TestDatabase::Run(*hurried, kEndless), ElementsAre(HasSubstr("longer than the 100 ms")));
  EXPECT_THAT(TestDatabase::Run(*hurried, "SELECT 1"), ElementsAre("1"));
  const auto small = db_.Open({.memory_bytes_max = 32 << 20});
  EXPECT_THAT(TestDatabase::Run(*small, "SELECT count(*) FROM (SELECT DISTINCT range FROM range(50000000))"),
              ElementsAre(HasSubstr("more memory")));
  EXPECT_THAT(TestDatabase::Run(*small, "SELECT 1"), ElementsAre("1"));
}

TEST_F(EngineTest, SessionsAreBoundedAndDoNotSeeOneAnother) {
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 15; ++i) sessions.push_back(db_.Open());
  const auto refused = db_.engine().OpenSession({});
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kStorageBackpressure);
  EXPECT_THAT(TestDatabase::Run(*sessions[0], "CREATE TEMP TABLE mine AS SELECT 1 AS a"), ElementsAre("ok"));
  EXPECT_THAT(TestDatabase::Run(*sessions[0], "SELECT a FROM mine"), ElementsAre("1"));
  EXPECT_THAT(TestDatabase::Run(*sessions[1], "SELECT a FROM mine"), ElementsAre(HasSubstr("does not exist")));
  sessions.clear();
  const auto next = db_.Open();  // may have the DuckDB of one before it
  EXPECT_THAT(TestDatabase::Run(*next, "SELECT a FROM mine"), ElementsAre(HasSubstr("does not exist")));
}

TEST_F(EngineTest, RightsAreThoseOfWhoAsksAlsoInADuckDbThatAnotherHasUsed) {
  Must("CREATE TABLE k (id INT PRIMARY KEY, v STRING)");
  Must("INSERT INTO k VALUES (1, 'a')");
  const security::Principal root{"User", "root"};
  const security::Principal ann{"User", "ann"};
  const security::AccessPolicy policy{.super_users = {root}};
  db_.query().policy = &policy;
  const auto run_as = [&](const security::Principal& user, const std::string& sql) {
    return TestDatabase::Run(*db_.Open({.asker = {user, "10.0.0.1"}}), sql);
  };
  const auto grant = [&](security::Operation operation) {
    runtime::ThreadExecutor home("home");
    const security::AclBinding binding{security::Resource::Table("fluss", "k"),
                                       {.principal = ann, .operation = operation}};
    ASSERT_TRUE(runtime::BlockOn(home, db_.catalog().AddAcls({binding}, home)).ok());
  };
  EXPECT_THAT(run_as(root, "SELECT v FROM k"), ElementsAre("a"));
  EXPECT_THAT(run_as(ann, "SELECT v FROM k"), ElementsAre(HasSubstr("has no right to DESCRIBE table fluss.k")));
  EXPECT_THAT(run_as(ann, "SHOW TABLES"), IsEmpty());
  grant(security::Operation::kWrite);
  EXPECT_THAT(run_as(ann, "SELECT v FROM k"), ElementsAre(HasSubstr("has no right to READ table fluss.k")));
  EXPECT_THAT(run_as(ann, "SELECT v FROM k WHERE id = 1"), ElementsAre(HasSubstr("has no right to READ")));
  EXPECT_THAT(run_as(ann, "SELECT id FROM k$changelog"), ElementsAre(HasSubstr("has no right to READ")));
  EXPECT_THAT(run_as(ann, "DELETE FROM k"), ElementsAre(HasSubstr("has no right to READ")));
  EXPECT_THAT(run_as(ann, "INSERT INTO k VALUES (2, 'b')"), ElementsAre("1"));
  EXPECT_THAT(run_as(root, "SELECT v FROM k WHERE id = 2"), ElementsAre("b"));
  EXPECT_THAT(run_as(ann, "SHOW TABLES"), ElementsAre("k"));
  grant(security::Operation::kRead);
  EXPECT_THAT(run_as(ann, "SELECT v FROM k WHERE id = 1"), ElementsAre("a"));
  db_.query().policy = nullptr;
}

TEST_F(EngineTest, NothingOutsideIsReached) {
  for (const char* sql : {"SELECT * FROM read_csv('/etc/passwd')",
                          "SELECT * FROM read_text('/etc/hostname')",
                          "SELECT * FROM glob('/*')",
                          "SELECT * FROM '/etc/passwd'",
                          "COPY (SELECT 1) TO '/tmp/thalweg-never'",
                          "ATTACH '/tmp/thalweg-never.db'",
                          "LOAD httpfs",
                          "INSTALL httpfs",
                          "SELECT * FROM read_parquet('https://localhost/x.parquet')",
                          "EXPORT DATABASE '/tmp/thalweg-never'",
                          "SET enable_external_access = true",
                          "PRAGMA enable_profiling = 'json'",
                          "SET profiling_output = '/tmp/thalweg-never'",
                          "SET threads = 100",
                          "RESET memory_limit",
                          "CALL enable_logging()",
                          "SELECT * FROM enable_logging()",
                          "SELECT * FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)",
                          "CHECKPOINT",
                          "SELECT * FROM force_checkpoint()",
                          "PREPARE x AS SELECT 1",
                          "IMPORT DATABASE '/tmp'",
                          "CREATE SECRET x (TYPE http)",
                          "CREATE PERSISTENT SECRET x (TYPE http, BEARER_TOKEN 'y')",
                          "SELECT * FROM duckdb_secrets()",
                          "SELECT txid_current()",
                          "SELECT write_log('x')"}) {
    EXPECT_THAT(Run(sql), ElementsAre(HasSubstr("error: "))) << sql;
  }
  EXPECT_THAT(Run("SELECT 1"), ElementsAre("1"));
}

TEST_F(EngineTest, TheSessionHasATimeZone) {
  EXPECT_EQ(db_.One("SELECT (TIMESTAMPTZ '2026-07-01 12:00:00+00')::VARCHAR"), "2026-07-01 12:00:00+00");
  Must("SET TimeZone = 'Europe/Berlin'");
  EXPECT_EQ(db_.One("SELECT (TIMESTAMPTZ '2026-07-01 12:00:00+00')::VARCHAR"), "2026-07-01 14:00:00+02");
  EXPECT_THAT(Run("SET TimeZone = 'Mars/Phobos'"), ElementsAre(HasSubstr("Unknown TimeZone")));
}

TEST_F(EngineTest, SeveralSessionsAtOnce) {
  Must("CREATE TABLE t (id INT) WITH ('bucket.num' = '4')");
  Must("INSERT INTO t SELECT range FROM range(100000)");
  std::vector<std::thread> threads;
  std::vector<std::string> sums(4);
  for (size_t i = 0; i < sums.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto session = db_.Open();
      for (int turn = 0; turn < 3; ++turn) sums[i] = TestDatabase::Run(*session, "SELECT sum(id) FROM t")[0];
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(sums, Each("4999950000"));
}

}  // namespace
}  // namespace thalweg::sql
