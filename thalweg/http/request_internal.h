#pragma once

#include <http_parser.h>

#include <cstddef>
#include <string>

#include "thalweg/base/bytes.h"

namespace thalweg::http {

/// Reads requests off a byte stream, one after the other.
class RequestReader {
 public:
  enum class State { kPartial, kDone, kHeaderTooLarge, kBodyTooLarge, kBad };

  RequestReader(size_t header_bytes_max, size_t body_bytes_max);
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// Takes bytes of the current request and returns how many; the rest belongs to the next one.
  size_t Feed(ByteView bytes);

  State state() const { return state_; }
  /// Whether any byte of the current request has come.
  bool started() const { return started_; }

  /// Of a request that is kDone: "GET", the path without the query, and whether the client keeps the connection.
  std::string method() const;
  /// Empty where the request's target is no path.
  std::string path() const;
  bool keep_alive() const { return keep_alive_; }

  /// Starts over with the next request.
  void Reset();

 private:
  static const http_parser_settings& Settings();

  const size_t header_bytes_max_;
  const size_t body_bytes_max_;
  http_parser parser_;
  State state_ = State::kPartial;
  bool started_ = false;
  bool in_header_ = true;
  bool keep_alive_ = false;
  size_t header_bytes_ = 0;
  size_t body_bytes_ = 0;
  std::string url_;
};

}  // namespace thalweg::http
