#include "thalweg/testing/memory_net.h"

#include <unistd.h>

#include <algorithm>
#include <coroutine>
#include <cstring>
#include <deque>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::testing {
namespace {

using runtime::Task;

/// A place where one coroutine of an end waits; waking it is posted to that end's executor.
struct Waiting {
  std::coroutine_handle<> handle;

  void Wake(runtime::Executor& executor) {
    if (auto waiter = std::exchange(handle, nullptr)) executor.Post([waiter] { waiter.resume(); });
  }
};

struct Wait {
  Waiting& place;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    TW_CHECK(!place.handle);  // one read and one write at a time
    place.handle = handle;
  }
  void await_resume() const noexcept {}
};

/// The direction from one end to the other.
struct Pipe {
  std::deque<uint8_t> arrived;
  size_t window_used = 0;    ///< written and not yet read
  uint64_t written = 0;      ///< in all
  bool end_arrived = false;  ///< the writer has closed
  bool reader_gone = false;  ///< the reader has closed
  Waiting reader;
  Waiting writer;
};

}  // namespace

struct MemoryNetwork::Link {
  Link(SimScheduler& on, const MemoryNetworkOptions& how, runtime::Executor& a, runtime::Executor& b)
      : scheduler(on), options(how), executors{&a, &b} {}

  SimScheduler& scheduler;
  const MemoryNetworkOptions options;
  runtime::Executor* const executors[2];
  std::string peers[2];
  std::string hosts[2];
  Pipe pipes[2];  ///< pipe i carries what end i writes
  bool closed[2] = {false, false};
  bool cut = false;

  size_t Piece(size_t size_max) { return options.split ? 1 + scheduler.Draw(size_max) : size_max; }

  bool Dead(int end) const { return cut || closed[end]; }
  arrow::Status DeadError(int end) const {
    return Error(ErrorCode::kNetwork, "The connection with {} is {}.", peers[end], closed[end] ? "closed" : "broken");
  }

  void WakeAll() {
    for (int end = 0; end < 2; ++end) {
      pipes[end].writer.Wake(*executors[end]);
      pipes[end].reader.Wake(*executors[1 - end]);
    }
  }

  void Close(const std::shared_ptr<Link>& self, int end) {
    if (std::exchange(closed[end], true)) return;
    pipes[1 - end].reader_gone = true;
    // The end travels behind the bytes that are under way.
    executors[1 - end]->PostAfter(options.latency, [self, end] {
      self->pipes[end].end_arrived = true;
      self->pipes[end].reader.Wake(*self->executors[1 - end]);
    });
    WakeAll();
  }

  void Cut() {
    cut = true;
    WakeAll();
  }
};

namespace {

using Link = MemoryNetwork::Link;

Task<arrow::Result<size_t>> Read(std::shared_ptr<Link> link, int end, MutableByteView into) {
  TW_CHECK(!into.empty());
  Pipe& pipe = link->pipes[1 - end];
  for (;;) {
    if (link->Dead(end)) co_return link->DeadError(end);
    if (!pipe.arrived.empty()) break;
    if (pipe.end_arrived) co_return size_t{0};
    co_await Wait{pipe.reader};
  }
  const size_t count = link->Piece(std::min(into.size(), pipe.arrived.size()));
  std::copy_n(pipe.arrived.begin(), count, into.begin());
  pipe.arrived.erase(pipe.arrived.begin(), pipe.arrived.begin() + static_cast<ptrdiff_t>(count));
  pipe.window_used -= count;
  pipe.writer.Wake(*link->executors[1 - end]);
  co_return count;
}

/// All fragments as one run of memory.
arrow::Result<std::string> Flatten(const std::vector<net::Fragment>& fragments) {
  std::string all;
  for (const auto& fragment : fragments) {
    if (const auto* bytes = std::get_if<Bytes>(&fragment)) {
      all += AsText(bytes->view());
      continue;
    }
    const auto& range = std::get<net::FileRange>(fragment);
    const size_t before = all.size();
    all.resize(before + range.size);
    for (size_t done = 0; done < range.size;) {
      const ssize_t got =
          ::pread(range.fd, all.data() + before + done, range.size - done, static_cast<off_t>(range.offset + done));
      if (got <= 0)
        return Error(ErrorCode::kNetwork, "A file range cannot be read: {}.",
                     got < 0 ? std::strerror(errno) : "the file is too short");
      done += static_cast<size_t>(got);
    }
  }
  return all;
}

Task<arrow::Status> Write(std::shared_ptr<Link> link, int end, std::vector<net::Fragment> fragments) {
  Pipe& pipe = link->pipes[end];
  TW_CO_ASSIGN_OR_RETURN(const std::string all, Flatten(fragments));
  for (size_t done = 0;;) {
    if (link->Dead(end)) co_return link->DeadError(end);
    if (pipe.reader_gone) {
      co_return Error(ErrorCode::kNetwork, "The connection with {} was closed by it.", link->peers[end]);
    }
    if (done == all.size()) co_return arrow::Status::OK();
    const size_t room = link->options.window_bytes - pipe.window_used;
    if (room == 0) {
      co_await Wait{pipe.writer};
      continue;
    }
    const size_t count = link->Piece(std::min(room, all.size() - done));
    pipe.window_used += count;
    pipe.written += count;
    runtime::Executor& receiver = *link->executors[1 - end];
    receiver.PostAfter(link->options.latency, [link, end, piece = all.substr(done, count)] {
      Pipe& to = link->pipes[end];
      to.arrived.insert(to.arrived.end(), piece.begin(), piece.end());
      to.reader.Wake(*link->executors[1 - end]);
    });
    done += count;
  }
}

class MemoryStream final : public net::Stream {
 public:
  MemoryStream(std::shared_ptr<Link> link, int end) : link_(std::move(link)), end_(end) {}
  ~MemoryStream() override { Close(); }

  Task<arrow::Result<size_t>> Read(MutableByteView into) override { return testing::Read(link_, end_, into); }
  Task<arrow::Status> Write(std::vector<net::Fragment> fragments) override {
    return testing::Write(link_, end_, std::move(fragments));
  }
  void Close() override { link_->Close(link_, end_); }
  uint64_t bytes_written() const override { return link_->pipes[end_].written; }
  runtime::Executor& executor() override { return *link_->executors[end_]; }
  const std::string& peer() const override { return link_->peers[end_]; }
  const std::string& peer_host() const override { return link_->hosts[1 - end_]; }
  const std::string& local_host() const override { return link_->hosts[end_]; }

 private:
  const std::shared_ptr<Link> link_;
  const int end_;
};

}  // namespace

struct MemoryNetwork::ListenState {
  std::vector<runtime::Executor*> executors;
  net::Listener::OnStream on_stream;
  size_t next = 0;
  bool stopped = false;
};

class MemoryNetwork::MemoryListener final : public net::Listener {
 public:
  MemoryListener(decltype(MemoryNetwork::listeners_) all, net::Address address)
      : all_(std::move(all)), address_(std::move(address)) {}
  ~MemoryListener() override { Stop(); }

  const net::Address& address() const override { return address_; }
  void Stop() override {
    if (std::exchange(stopped_, true)) return;
    const auto found = all_->find(address_.port);
    found->second->stopped = true;
    all_->erase(found);
  }

 private:
  const decltype(MemoryNetwork::listeners_) all_;
  const net::Address address_;
  bool stopped_ = false;
};

MemoryNetwork::MemoryNetwork(SimScheduler& scheduler, MemoryNetworkOptions options)
    : scheduler_(scheduler), options_(options), listeners_(std::make_shared<decltype(listeners_)::element_type>()) {
  TW_CHECK(options.window_bytes > 0);
}

MemoryNetwork::~MemoryNetwork() = default;

std::pair<MemoryNetwork::StreamPtr, MemoryNetwork::StreamPtr> MemoryNetwork::MakePair(runtime::Executor& a,
                                                                                      runtime::Executor& b) {
  auto link = std::make_shared<Link>(scheduler_, options_, a, b);
  link->hosts[0] = "10.0.0.1";
  link->hosts[1] = "10.0.0.2";
  link->peers[0] = fmt::format("{}:{}", link->hosts[1], next_peer_port_);
  link->peers[1] = fmt::format("{}:{}", link->hosts[0], next_peer_port_++);
  std::erase_if(links_, [](const auto& known) { return known.expired(); });
  links_.push_back(link);
  return {std::make_unique<MemoryStream>(link, 0), std::make_unique<MemoryStream>(link, 1)};
}

arrow::Result<std::unique_ptr<net::Listener>> MemoryNetwork::Listen(std::vector<runtime::Executor*> executors,
                                                                    net::Address address,
                                                                    net::Listener::OnStream on_stream) {
  TW_CHECK(!executors.empty());
  if (address.port == 0) address.port = next_port_++;
  auto state = std::make_shared<ListenState>();
  state->executors = std::move(executors);
  state->on_stream = std::move(on_stream);
  if (!listeners_->emplace(address.port, std::move(state)).second) {
    return Error(ErrorCode::kInvalidConfig, "Cannot listen on {}: the port is in use.", address.ToString());
  }
  return std::make_unique<MemoryListener>(listeners_, std::move(address));
}

Task<arrow::Result<MemoryNetwork::StreamPtr>> MemoryNetwork::Connect(runtime::Executor& home, net::Address address) {
  co_await runtime::Sleep(home, 2 * options_.latency);
  const auto found = listeners_->find(address.port);
  if (refusing_ || found == listeners_->end()) {
    co_return Error(ErrorCode::kNetwork, "Cannot connect to {}: nobody listens there.", address.ToString());
  }
  auto state = found->second;
  runtime::Executor& target = *state->executors[state->next++ % state->executors.size()];
  auto [ours, theirs] = MakePair(home, target);
  target.Post([state, stream = std::move(theirs)]() mutable {
    if (!state->stopped) state->on_stream(std::move(stream));
  });
  co_return std::move(ours);
}

void MemoryNetwork::CutAll() {
  for (const auto& weak : links_) {
    if (const auto link = weak.lock()) link->Cut();
  }
}

}  // namespace thalweg::testing
