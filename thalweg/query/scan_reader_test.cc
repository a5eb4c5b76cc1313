#include "thalweg/query/scan_reader.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "thalweg/query/test_query_internal.h"
#include "thalweg/runtime/threads.h"

namespace thalweg::query {
namespace {

/// A scan whose rows are made up.
class MadeUpScan final : public Scan {
 public:
  MadeUpScan(Session session, int batches, bool follow)
      : Scan(std::move(session), {.follow = follow}, TestRows(0, 0)->schema()), batches_(batches) {}

  size_t streams_max() const override { return 1; }
  std::vector<std::unique_ptr<ScanStream>> Split(size_t) override {
    std::vector<std::unique_ptr<ScanStream>> streams;
    streams.push_back(std::make_unique<Stream>(std::static_pointer_cast<MadeUpScan>(shared_from_this())));
    return streams;
  }
  Token token() const override { return {}; }
  ScanStats stats() const override { return {}; }
  void Cancel(arrow::Status why) override {
    std::lock_guard lock(mutex_);
    why_ = std::move(why);
    cancelled_.notify_all();
  }

  std::atomic<int> made = 0;
  arrow::Status ends_with;

 private:
  class Stream final : public ScanStream {
   public:
    explicit Stream(std::shared_ptr<MadeUpScan> scan) : ScanStream(scan), scan_(*scan) {}
    runtime::Task<arrow::Result<ScanBatch>> Next(runtime::Executor& home) override {
      co_await runtime::EnsureOn(home);
      if (scan_.made < scan_.batches_) co_return ScanBatch{.rows = TestRows(scan_.made++ * 100, 100)};
      if (!scan_.request().follow) {
        TW_CO_RETURN_NOT_OK(scan_.ends_with);
        co_return ScanBatch();
      }
      std::unique_lock lock(scan_.mutex_);
      scan_.cancelled_.wait(lock, [&] { return !scan_.why_.ok(); });
      co_return scan_.why_;
    }

   private:
    MadeUpScan& scan_;
  };

  const int batches_;
  std::mutex mutex_;
  std::condition_variable cancelled_;
  arrow::Status why_;
};

class ScanReaderTest : public QueryTest {
 protected:
  void SetUp() override {
    QueryTest::SetUp();
    threaded_.reset(new Environment{.catalog = *catalog_,
                                    .engine = *engine_,
                                    .clock = clock_,
                                    .workers = threads_,
                                    .memory = memory_,
                                    .kv_table_of = KvTableOf});
  }
  void TearDown() override {
    threads_.Stop();
    QueryTest::TearDown();
  }
  void Make(int batches, const ScanReaderOptions& options = {}, bool follow = false) {
    scan_ = std::make_shared<MadeUpScan>(Session(*threaded_, {}), batches, follow);
    reader_ = ScanReader::Make(std::move(scan_->Split(1)[0]), options);
  }
  /// How much was made once reading ahead has come to rest: it keeps its one thread until then.
  int Settled() {
    std::promise<void> rests;
    threads_.Post([&] { rests.set_value(); });
    rests.get_future().wait();
    return scan_->made;
  }

  runtime::BlockingPool threads_{1, "query"};
  std::unique_ptr<Environment> threaded_;
  std::shared_ptr<MadeUpScan> scan_;
  std::unique_ptr<ScanReader> reader_;
};

TEST_F(ScanReaderTest, EverythingComesInOrderAndMemoryIsGivenBack) {
  Make(200);
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ASSERT_TRUE(reader_->ReadNext(&batch).ok());
    if (!batch) break;
    batches.push_back(batch);
  }
  EXPECT_TRUE(Joined(reader_->schema(), batches)->Equals(*TestRows(0, 20'000)));
  EXPECT_EQ(memory_.used(), 0);
  ASSERT_TRUE(reader_->ReadNext(&batch).ok());
  EXPECT_EQ(batch, nullptr);
}

TEST_F(ScanReaderTest, ReadingAheadIsBounded) {
  Make(200, {.ahead_bytes_max = 64 << 20, .ahead_batches_max = 5});
  std::shared_ptr<arrow::RecordBatch> batch;
  EXPECT_EQ(scan_->made, 0);
  ASSERT_TRUE(reader_->ReadNext(&batch).ok());
  EXPECT_EQ(Settled(), 6);
  EXPECT_GT(memory_.used(), 0);
  ASSERT_TRUE(reader_->ReadNext(&batch).ok());
  EXPECT_EQ(Settled(), 7);
  reader_.reset();
  EXPECT_EQ(memory_.used(), 0);
}

TEST_F(ScanReaderTest, WithoutMemoryOneBatchAtATimeStillComes) {
  memory_.Grow(memory_.limit());
  Make(10);
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(reader_->ReadNext(&batch).ok());
    ASSERT_NE(batch, nullptr);
    EXPECT_LE(Settled(), i + 2);
  }
  memory_.Release(memory_.limit());
}

TEST_F(ScanReaderTest, AnErrorComesAfterTheRowsBeforeIt) {
  Make(3);
  scan_->ends_with = Error(ErrorCode::kStorage, "the disk is gone");
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(reader_->ReadNext(&batch).ok());
  EXPECT_EQ(CodeOf(reader_->ReadNext(&batch)), ErrorCode::kStorage);
  EXPECT_EQ(CodeOf(reader_->ReadNext(&batch)), ErrorCode::kStorage);
}

TEST_F(ScanReaderTest, CancelEndsAReaderThatWaits) {
  Make(0, {}, true);
  std::jthread canceller([this] { scan_->Cancel(arrow::Status::Cancelled("enough")); });
  std::shared_ptr<arrow::RecordBatch> batch;
  EXPECT_TRUE(reader_->ReadNext(&batch).IsCancelled());
}

TEST_F(ScanReaderTest, ClosingAFollowerCancelsIt) {
  Make(1, {}, true);
  std::shared_ptr<arrow::RecordBatch> batch;
  ASSERT_TRUE(reader_->ReadNext(&batch).ok());
  EXPECT_TRUE(reader_->Close().ok());
  EXPECT_TRUE(reader_->ReadNext(&batch).IsCancelled());
}

}  // namespace
}  // namespace thalweg::query
