#include <algorithm>
#include <charconv>

#include "asio/ip/address_v6.hpp"
#include "thalweg/base/error.h"
#include "thalweg/net/listener.h"

namespace thalweg::net {

arrow::Result<Address> Address::Parse(const std::string& text) {
  const auto refuse = [&](const char* why) {
    return Error(ErrorCode::kInvalidConfig,
                 "'{}' is not an address: {}. Write host:port, such as 127.0.0.1:9123 or [::1]:9123.", text, why);
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return refuse("the port is missing");
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return refuse("the brackets do not match");
  if (host.starts_with('[')) {
    host = host.size() < 2 ? "" : host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return refuse("an IPv6 host stands in brackets");
  }
  if (host.empty()) return refuse("the host is missing");
  Address address{std::move(host), 0};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || stop != end) return refuse("the port is not a number from 0 to 65535");
  return address;
}

std::string Address::ToString() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string NetworkOf(const std::string& host) {
  asio::error_code error;
  const auto address = asio::ip::make_address_v6(host, error);
  if (error) return host;
  auto bytes = address.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), uint8_t{0});
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace thalweg::net
