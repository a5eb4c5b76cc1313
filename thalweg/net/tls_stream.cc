#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <coroutine>
#include <string>
#include <utility>
#include <vector>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/net/tls_stream_internal.h"

namespace thalweg::net {
namespace {

using runtime::Task;

constexpr size_t kRecordBytes = 16 << 10;  // the most that one record of TLS holds
constexpr size_t kCipherBytesMax =
    256 << 10;  // encrypted and not sent yet: beyond, it is sent before more is encrypted

/// Both directions of one connection. Calls that wait hold it by shared_ptr, so that the stream may go while they do.
///
/// OpenSSL works on two buffers in memory; what it wants sent is taken from the one, what came in is put into the other. A read may
/// have to send (the handshake, an answer to a change of keys) and a write to receive; only one of the two sends at a time, and the
/// other finds its own part sent with it.
struct Connection {
  Connection(std::unique_ptr<Stream> stream, SslPtr session) : inner(std::move(stream)), ssl(std::move(session)) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    TW_CHECK(in && out);
    BIO_set_mem_eof_return(in, -1);  // empty is not the end
    SSL_set_bio(ssl.get(), in, out);
  }

  std::unique_ptr<Stream> inner;
  const SslPtr ssl;
  bool sending = false;
  bool receiving = false;
  bool closed = false;
  std::coroutine_handle<> until_sent;      ///< waits while the other one sends
  std::coroutine_handle<> until_received;  ///< waits while the other one receives
  uint64_t written = 0;                    ///< of what was given to write

  arrow::Status failure;  ///< that has closed it, for all who use it

  arrow::Status Closed() const {
    if (!failure.ok()) return failure;
    return Error(ErrorCode::kNetwork, "The connection with {} is closed.", inner->peer());
  }

  /// Of the failure that has just been.
  std::string Why() const {
    const long verdict = SSL_get_verify_result(ssl.get());
    std::string errors = TakeSslErrors();
    return verdict == X509_V_OK ? errors : X509_verify_cert_error_string(verdict);
  }

  /// From here on it is what all get who use the connection.
  void Fail(const char* doing, const std::string& why) {
    const bool greeted = SSL_is_init_finished(ssl.get()) == 1;
    if (!failure.ok()) return;
    failure = Error(ErrorCode::kNetwork, "TLS with {} failed while {}: {}.", inner->peer(),
                    greeted ? doing : "greeting", why);
  }

  void Close() {
    if (std::exchange(closed, true)) return;
    inner->Close();
  }
};
using ConnectionPtr = std::shared_ptr<Connection>;

/// `co_await`: until the other direction wakes this one.
struct Parked {
  std::coroutine_handle<>& place;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    TW_CHECK(!place);
    place = handle;
  }
  void await_resume() const noexcept {}
};

void WakeOne(Connection& c, std::coroutine_handle<>& place) {
  if (!place) return;
  c.inner->executor().Post([handle = std::exchange(place, nullptr)] { handle.resume(); });
}

/// Sends what is encrypted; when it returns, all of it that there was has been handed to the kernel.
Task<arrow::Status> SendPending(ConnectionPtr connection) {
  Connection& c = *connection;
  while (c.sending && !c.closed) co_await Parked{c.until_sent};
  arrow::Status status;
  c.sending = true;
  BIO* out = SSL_get_wbio(c.ssl.get());
  while (status.ok() && !c.closed && BIO_ctrl_pending(out) > 0) {
    auto bytes = std::make_shared<Buffer>(BIO_ctrl_pending(out));
    const int taken = BIO_read(out, bytes->data(), static_cast<int>(bytes->size()));
    TW_CHECK(taken == static_cast<int>(bytes->size()));
    std::vector<Fragment> fragments;
    fragments.emplace_back(Bytes(std::shared_ptr<const Buffer>(std::move(bytes))));
    status = co_await c.inner->Write(std::move(fragments));
  }
  c.sending = false;
  WakeOne(c, c.until_sent);
  if (c.closed) co_return c.Closed();
  if (!status.ok()) c.Close();
  co_return status;
}

/// Takes in what has come, at least one byte. False at the end.
Task<arrow::Result<bool>> Receive(ConnectionPtr connection) {
  Connection& c = *connection;
  if (c.receiving) {
    co_await Parked{c.until_received};
    if (c.closed) co_return c.Closed();
    co_return true;
  }
  c.receiving = true;
  std::vector<uint8_t> bytes(kRecordBytes);
  const auto got = co_await c.inner->Read(MutableByteView(bytes.data(), bytes.size()));
  c.receiving = false;
  WakeOne(c, c.until_received);
  if (c.closed) co_return c.Closed();
  if (!got.ok()) {
    c.Close();
    co_return got.status();
  }
  BIO_write(SSL_get_rbio(c.ssl.get()), bytes.data(), static_cast<int>(*got));
  co_return *got > 0;
}

/// After OpenSSL could not go on: does what it waits for. False where the peer has closed its side.
Task<arrow::Result<bool>> Proceed(ConnectionPtr connection, int returned, const char* doing) {
  Connection& c = *connection;
  const int error = SSL_get_error(c.ssl.get(), returned);
  if (error == SSL_ERROR_ZERO_RETURN) co_return false;
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    if (c.closed) co_return c.Closed();
    c.Fail(doing, c.Why());
    // Tells the other end, where it can.
    if (!c.sending) (void)co_await SendPending(connection);
    c.Close();
    co_return c.failure;
  }
  TW_CO_RETURN_NOT_OK(co_await SendPending(connection));
  if (error == SSL_ERROR_WANT_WRITE) co_return true;
  co_return co_await Receive(connection);
}

Task<arrow::Result<size_t>> ReadSome(ConnectionPtr connection, MutableByteView into) {
  Connection& c = *connection;
  while (!c.closed) {
    ERR_clear_error();
    const int got = SSL_read(c.ssl.get(), into.data(), static_cast<int>(std::min<size_t>(into.size(), INT32_MAX)));
    if (got > 0) {
      // An answer to a change of keys, if there is one; nobody waits for it.
      if (BIO_ctrl_pending(SSL_get_wbio(c.ssl.get())) > 0 && !c.sending) {
        TW_CO_RETURN_NOT_OK(co_await SendPending(connection));
      }
      co_return static_cast<size_t>(got);
    }
    TW_CO_ASSIGN_OR_RETURN(const bool goes_on, co_await Proceed(connection, got, "reading"));
    if (!goes_on) co_return size_t{0};
  }
  co_return c.Closed();
}

/// Encrypts `bytes`, and sends once enough has come together.
Task<arrow::Status> WriteBytes(ConnectionPtr connection, ByteView bytes) {
  Connection& c = *connection;
  while (!bytes.empty()) {
    if (c.closed) co_return c.Closed();
    ERR_clear_error();
    const size_t size = std::min(bytes.size(), kRecordBytes);
    const int put = SSL_write(c.ssl.get(), bytes.data(), static_cast<int>(size));
    if (put > 0) {
      bytes = bytes.subspan(static_cast<size_t>(put));
      if (BIO_ctrl_pending(SSL_get_wbio(c.ssl.get())) < kCipherBytesMax) continue;
      TW_CO_RETURN_NOT_OK(co_await SendPending(connection));
      c.written += kCipherBytesMax;  // about; exact once all is sent
      continue;
    }
    TW_CO_ASSIGN_OR_RETURN(const bool goes_on, co_await Proceed(connection, put, "writing"));
    if (!goes_on) {
      c.Fail("writing", "the other end has said good-bye");
      c.Close();
      co_return c.failure;
    }
  }
  co_return arrow::Status::OK();
}

/// The kernel cannot send what is to be encrypted; whoever gives a range has seen that it is in memory.
Task<arrow::Status> WriteFile(ConnectionPtr connection, FileRange range) {
  Connection& c = *connection;
  std::vector<uint8_t> bytes(std::min<uint64_t>(range.size, kRecordBytes));
  while (range.size > 0) {
    const ssize_t got =
        ::pread(range.fd, bytes.data(), std::min<uint64_t>(range.size, bytes.size()), static_cast<off_t>(range.offset));
    if (got < 0 && errno == EINTR) continue;
    // A file that ends before the range does: what was promised cannot be sent any more.
    if (got <= 0) {
      c.Close();
      co_return Error(ErrorCode::kNetwork, "The connection with {} failed: a file could not be read.", c.inner->peer());
    }
    TW_CO_RETURN_NOT_OK(co_await WriteBytes(connection, ByteView(bytes.data(), static_cast<size_t>(got))));
    range.offset += static_cast<uint64_t>(got);
    range.size -= static_cast<uint64_t>(got);
  }
  co_return arrow::Status::OK();
}

Task<arrow::Status> WriteAll(ConnectionPtr connection, std::vector<Fragment> fragments) {
  Connection& c = *connection;
  uint64_t total = c.written;
  for (const auto& fragment : fragments) {
    if (const auto* bytes = std::get_if<Bytes>(&fragment)) {
      total += bytes->size();
      TW_CO_RETURN_NOT_OK(co_await WriteBytes(connection, ByteView(bytes->data(), bytes->size())));
    } else {
      total += std::get<FileRange>(fragment).size;
      TW_CO_RETURN_NOT_OK(co_await WriteFile(connection, std::get<FileRange>(fragment)));
    }
  }
  TW_CO_RETURN_NOT_OK(co_await SendPending(connection));
  c.written = total;
  co_return arrow::Status::OK();
}

class TlsStream final : public Stream {
 public:
  explicit TlsStream(ConnectionPtr connection) : connection_(std::move(connection)) {}
  ~TlsStream() override { Close(); }

  Task<arrow::Result<size_t>> Read(MutableByteView into) override { return ReadSome(connection_, into); }
  Task<arrow::Status> Write(std::vector<Fragment> fragments) override {
    return WriteAll(connection_, std::move(fragments));
  }
  void Close() override {
    Connection& c = *connection_;
    if (c.closed) return;
    // Says good-bye where nothing is in the way; who is not told sees the connection end all the same.
    if (!c.sending && SSL_is_init_finished(c.ssl.get()) == 1 && SSL_shutdown(c.ssl.get()) >= 0) {
      runtime::Spawn(SayGoodBye(connection_));
    } else {
      c.Close();
    }
    ERR_clear_error();
  }
  uint64_t bytes_written() const override { return connection_->written; }
  runtime::Executor& executor() override { return connection_->inner->executor(); }
  const std::string& peer() const override { return connection_->inner->peer(); }
  const std::string& peer_host() const override { return connection_->inner->peer_host(); }
  const std::string& local_host() const override { return connection_->inner->local_host(); }

 private:
  static Task<> SayGoodBye(ConnectionPtr connection) {
    (void)co_await SendPending(connection);
    connection->Close();
  }

  const ConnectionPtr connection_;
};

}  // namespace

std::unique_ptr<Stream> MakeTlsStream(std::unique_ptr<Stream> inner, SslPtr ssl) {
  return std::make_unique<TlsStream>(std::make_shared<Connection>(std::move(inner), std::move(ssl)));
}

}  // namespace thalweg::net
