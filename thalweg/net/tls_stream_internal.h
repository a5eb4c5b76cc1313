#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "thalweg/net/stream.h"

namespace thalweg::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, FreeSsl>;

/// Encrypts what goes over `inner`. `ssl` knows which end it is, and shakes hands with the first read or write.
std::unique_ptr<Stream> MakeTlsStream(std::unique_ptr<Stream> inner, SslPtr ssl);

/// What OpenSSL has to say about the last failure of this thread; it is forgotten then.
std::string TakeSslErrors();

}  // namespace thalweg::net
