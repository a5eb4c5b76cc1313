#include <algorithm>

#include "thalweg/http/request_internal.h"

namespace thalweg::http {

const http_parser_settings& RequestReader::Settings() {
  static const http_parser_settings settings = [] {
    http_parser_settings s;
    http_parser_settings_init(&s);
    s.on_url = [](http_parser* parser, const char* at, size_t size) {
      static_cast<RequestReader*>(parser->data)->url_.append(at, size);
      return 0;
    };
    s.on_headers_complete = [](http_parser* parser) {
      static_cast<RequestReader*>(parser->data)->in_header_ = false;
      return 0;
    };
    s.on_body = [](http_parser* parser, const char*, size_t size) {
      static_cast<RequestReader*>(parser->data)->body_bytes_ += size;
      return 0;
    };
    s.on_message_complete = [](http_parser* parser) {
      auto* self = static_cast<RequestReader*>(parser->data);
      self->state_ = State::kDone;
      self->keep_alive_ = http_should_keep_alive(parser) != 0;
      http_parser_pause(parser, 1);  // the next request waits until this one is answered
      return 0;
    };
    return s;
  }();
  return settings;
}

RequestReader::RequestReader(size_t header_bytes_max, size_t body_bytes_max)
    : header_bytes_max_(header_bytes_max), body_bytes_max_(body_bytes_max) {
  Reset();
}

void RequestReader::Reset() {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
  state_ = State::kPartial;
  started_ = false;
  in_header_ = true;
  keep_alive_ = false;
  header_bytes_ = 0;
  body_bytes_ = 0;
  url_.clear();
}

size_t RequestReader::Feed(ByteView bytes) {
  if (state_ != State::kPartial || bytes.empty()) return 0;
  started_ = true;
  const bool was_in_header = in_header_;
  if (was_in_header) bytes = bytes.first(std::min(bytes.size(), header_bytes_max_ - header_bytes_));
  const size_t taken =
      http_parser_execute(&parser_, &Settings(), reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (was_in_header) header_bytes_ += taken;
  if (state_ == State::kDone) return taken;
  if (HTTP_PARSER_ERRNO(&parser_) != HPE_OK) {
    state_ = State::kBad;
  } else if (in_header_ && header_bytes_ >= header_bytes_max_) {
    state_ = State::kHeaderTooLarge;
  } else if (body_bytes_ > body_bytes_max_) {
    state_ = State::kBodyTooLarge;
  }
  return taken;
}

std::string RequestReader::method() const { return http_method_str(static_cast<http_method>(parser_.method)); }

std::string RequestReader::path() const {
  http_parser_url parts;
  http_parser_url_init(&parts);
  if (http_parser_parse_url(url_.data(), url_.size(), parser_.method == HTTP_CONNECT, &parts) != 0) return {};
  if (!(parts.field_set & (1 << UF_PATH))) return {};
  return url_.substr(parts.field_data[UF_PATH].off, parts.field_data[UF_PATH].len);
}

}  // namespace thalweg::http
