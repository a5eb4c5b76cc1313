#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/net/listener.h"
#include "thalweg/net/tcp_stream_internal.h"

namespace thalweg::net {
namespace {

using runtime::Task;

constexpr size_t kGatherMax = 128;               // iovec entries per call; IOV_MAX is 1024
constexpr size_t kSendfileBytesMax = 256 << 10;  // per call
constexpr size_t kTurnBytesMax = 1 << 20;        // moved in one go before other connections of the shard get their turn

struct IoResult {
  std::error_code error;
  size_t bytes = 0;
};

/// The socket and its state. Calls that wait hold it by shared_ptr, so that the stream may go while they do.
struct Connection {
  Connection(runtime::Executor& on, asio::ip::tcp::socket connected) : shard(on), socket(std::move(connected)) {}

  runtime::Executor& shard;
  asio::ip::tcp::socket socket;
  std::string peer;
  std::string peer_host;
  std::string local_host;
  bool closed = false;
  bool reading = false;
  bool writing = false;
  bool more_to_read = true;  ///< the last read filled its buffer, so the next is likely to find data
  uint64_t written = 0;      ///< in all
  size_t read_in_turn = 0;   ///< bytes read since the shard's other work last ran

  void Close() {
    if (std::exchange(closed, true)) return;
    std::error_code ignored;  // nothing is left to do about a socket that does not close
    socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
  }

  arrow::Status Closed() const { return Error(ErrorCode::kNetwork, "The connection with {} is closed.", peer); }

  arrow::Status Fail(const std::error_code& error, const char* doing) {
    if (closed) return Closed();
    Close();
    return Error(ErrorCode::kNetwork, "The connection with {} failed while {}: {}.", peer, doing, error.message());
  }
};
using ConnectionPtr = std::shared_ptr<Connection>;

/// `co_await AsyncRead{…}`: an IoResult, once there is data, the end or an error. A recv comes first, without waiting.
struct AsyncRead {
  Connection& connection;
  MutableByteView into;
  IoResult result = {};

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    connection.socket.async_read_some(asio::buffer(into.data(), into.size()),
                                      [this, handle](std::error_code error, size_t bytes) {
                                        result = {error, bytes};
                                        handle.resume();
                                      });
  }
  IoResult await_resume() const noexcept { return result; }
};

struct Writable {
  Connection& connection;
  std::error_code error = {};

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    connection.socket.async_wait(asio::ip::tcp::socket::wait_write, [this, handle](std::error_code result) {
      error = result;
      handle.resume();
    });
  }
  std::error_code await_resume() const noexcept { return error; }
};

IoResult Outcome(ssize_t returned) {
  if (returned >= 0) return {{}, static_cast<size_t>(returned)};
  return {std::error_code(errno, std::system_category()), 0};
}

bool WouldBlock(const std::error_code& error) {
  return error == std::errc::operation_would_block || error == std::errc::resource_unavailable_try_again;
}

Task<arrow::Result<size_t>> ReadSome(ConnectionPtr connection, MutableByteView into) {
  Connection& c = *connection;
  TW_CHECK(c.shard.RunsHere() && !c.reading && !into.empty());
  if (c.closed) co_return c.Closed();
  c.reading = true;
  IoResult got{std::make_error_code(std::errc::operation_would_block), 0};
  if (c.more_to_read && c.read_in_turn < kTurnBytesMax) {
    do {
      got = Outcome(::recv(c.socket.native_handle(), into.data(), into.size(), MSG_DONTWAIT));
    } while (got.error == std::errc::interrupted);
  }
  if (WouldBlock(got.error)) {
    got = co_await AsyncRead{c, into};
    c.read_in_turn = 0;
  }
  c.reading = false;
  if (got.error == asio::error::eof) got = {};
  if (got.error || c.closed) co_return c.Fail(got.error, "reading");
  c.more_to_read = got.bytes == into.size();
  c.read_in_turn += got.bytes;
  co_return got.bytes;
}

size_t SizeOf(const Fragment& fragment) {
  if (const auto* bytes = std::get_if<Bytes>(&fragment)) return bytes->size();
  return std::get<FileRange>(fragment).size;
}

/// How far a list of fragments has been written.
class Cursor {
 public:
  explicit Cursor(const std::vector<Fragment>& fragments) : fragments_(fragments) { SkipEmpty(); }

  bool done() const { return index_ == fragments_.size(); }

  void Advance(size_t bytes) {
    while (bytes > 0) {
      const size_t step = std::min(bytes, SizeOf(fragments_[index_]) - offset_);
      offset_ += step;
      bytes -= step;
      SkipEmpty();
    }
  }

  /// Hands the kernel what it takes of the next file range or the next run of memory fragments.
  IoResult Send(int socket) const {
    if (const auto* range = std::get_if<FileRange>(&fragments_[index_])) {
      auto at = static_cast<off_t>(range->offset + offset_);
      const IoResult sent =
          Outcome(::sendfile(socket, range->fd, &at, std::min(range->size - offset_, kSendfileBytesMax)));
      // A file that ends before the range does: what was promised cannot be sent any more.
      if (!sent.error && sent.bytes == 0) return {std::make_error_code(std::errc::io_error), 0};
      return sent;
    }
    std::array<iovec, kGatherMax> vectors;
    size_t count = 0;
    size_t offset = offset_;
    size_t next = index_;
    for (; next < fragments_.size() && count < kGatherMax; ++next) {
      const auto* bytes = std::get_if<Bytes>(&fragments_[next]);
      if (bytes == nullptr) break;
      if (!bytes->empty()) {
        vectors[count++] = {const_cast<uint8_t*>(bytes->data()) + offset, bytes->size() - offset};
      }
      offset = 0;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    // More only where something really follows: the kernel holds back a packet that is not full until then.
    const bool more = std::any_of(fragments_.begin() + static_cast<ptrdiff_t>(next), fragments_.end(),
                                  [](const Fragment& fragment) { return SizeOf(fragment) > 0; });
    return Outcome(::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0)));
  }

 private:
  void SkipEmpty() {
    while (!done() && offset_ == SizeOf(fragments_[index_])) {
      ++index_;
      offset_ = 0;
    }
  }

  const std::vector<Fragment>& fragments_;
  size_t index_ = 0;
  size_t offset_ = 0;  ///< in fragment `index_`
};

Task<arrow::Status> WriteAll(ConnectionPtr connection, std::vector<Fragment> fragments) {
  Connection& c = *connection;
  TW_CHECK(c.shard.RunsHere() && !c.writing);
  c.writing = true;
  std::error_code error;
  size_t written_in_turn = 0;
  Cursor cursor(fragments);
  while (!c.closed && !error && !cursor.done()) {
    if (written_in_turn >= kTurnBytesMax) {
      co_await runtime::SwitchTo(c.shard);
      written_in_turn = 0;
      continue;
    }
    const IoResult sent = cursor.Send(c.socket.native_handle());
    if (WouldBlock(sent.error)) {
      error = co_await Writable{c};
      written_in_turn = 0;
    } else if (sent.error != std::errc::interrupted) {
      error = sent.error;
      cursor.Advance(sent.bytes);
      written_in_turn += sent.bytes;
      c.written += sent.bytes;
    }
  }
  c.writing = false;
  if (c.closed || error) co_return c.Fail(error, "writing");
  co_return arrow::Status::OK();
}

class TcpStream final : public Stream {
 public:
  explicit TcpStream(ConnectionPtr connection) : connection_(std::move(connection)) {}
  ~TcpStream() override { connection_->Close(); }

  Task<arrow::Result<size_t>> Read(MutableByteView into) override { return ReadSome(connection_, into); }
  Task<arrow::Status> Write(std::vector<Fragment> fragments) override {
    return WriteAll(connection_, std::move(fragments));
  }
  void Close() override { connection_->Close(); }
  uint64_t bytes_written() const override { return connection_->written; }
  runtime::Executor& executor() override { return connection_->shard; }
  const std::string& peer() const override { return connection_->peer; }
  const std::string& peer_host() const override { return connection_->peer_host; }
  const std::string& local_host() const override { return connection_->local_host; }

 private:
  const ConnectionPtr connection_;
};

/// A listener on [::] sees IPv4 clients at addresses such as ::ffff:10.0.0.1, which they would not know.
std::string HostText(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

std::unique_ptr<Stream> MakeTcpStream(runtime::Executor& shard, asio::ip::tcp::socket socket) {
  auto connection = std::make_shared<Connection>(shard, std::move(socket));
  // A peer that has already gone makes these fail; the first read or write then says so.
  std::error_code ignored;
  connection->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  connection->socket.set_option(asio::socket_base::keep_alive(true), ignored);
  connection->socket.native_non_blocking(true, ignored);
  const auto endpoint = connection->socket.remote_endpoint(ignored);
  connection->peer_host = HostText(endpoint.address());
  connection->peer = Address{connection->peer_host, endpoint.port()}.ToString();
  connection->local_host = HostText(connection->socket.local_endpoint(ignored).address());
  return std::make_unique<TcpStream>(std::move(connection));
}

}  // namespace thalweg::net
