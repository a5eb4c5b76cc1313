#include "thalweg/net/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/net/tls_stream_internal.h"

namespace thalweg::net {
namespace {

using ContextPtr = std::shared_ptr<SSL_CTX>;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;
using X509Ptr = std::unique_ptr<X509, FreeX509>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

BioPtr Over(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

arrow::Status Bad(std::string_view what) { return Error(ErrorCode::kInvalidConfig, "{} ({})", what, TakeSslErrors()); }

ContextPtr MakeContext(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method), SSL_CTX_free);
  TW_CHECK(context);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Buffers of a connection that is idle are given back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  return context;
}

/// The next certificate of a text; null at its end.
X509Ptr NextCertificate(BIO* from) {
  X509Ptr certificate(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
  if (!certificate) ERR_clear_error();
  return certificate;
}

/// Answers nobody: a key that asks for a passphrase is an error, not a prompt on the server's terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

arrow::Result<ContextPtr> ServerContextOf(const TlsIdentity& identity) {
  ContextPtr context = MakeContext(TLS_server_method());
  const BioPtr certificates = Over(identity.certificate);
  const X509Ptr own = NextCertificate(certificates.get());
  if (!own || SSL_CTX_use_certificate(context.get(), own.get()) != 1) {
    return Bad("The certificate is not in PEM, or of no use here: it begins with -----BEGIN CERTIFICATE-----.");
  }
  while (X509Ptr next = NextCertificate(certificates.get())) {
    if (SSL_CTX_add0_chain_cert(context.get(), next.get()) != 1) return Bad("A certificate of the chain is of no use.");
    (void)next.release();
  }
  const BioPtr key_text = Over(identity.key);
  const KeyPtr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, NoPassphrase, nullptr));
  if (!key) return Bad("The key is not in PEM, or has a passphrase, which cannot be given here.");
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) return Bad("The key is not that of the certificate.");
  return context;
}

}  // namespace

std::string TakeSslErrors() {
  std::string text;
  char line[256];
  while (const unsigned long code = ERR_get_error()) {
    ERR_error_string_n(code, line, sizeof(line));
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text.empty() ? "no details" : text;
}

arrow::Result<std::unique_ptr<TlsServerContext>> TlsServerContext::Make(const TlsIdentity& identity) {
  std::unique_ptr<TlsServerContext> made(new TlsServerContext);
  ARROW_RETURN_NOT_OK(made->Replace(identity));
  return made;
}

arrow::Status TlsServerContext::Replace(const TlsIdentity& identity) {
  ARROW_ASSIGN_OR_RAISE(auto context, ServerContextOf(identity));
  std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return arrow::Status::OK();
}

std::unique_ptr<Stream> TlsServerContext::Wrap(std::unique_ptr<Stream> stream) const {
  ContextPtr context;
  {
    std::lock_guard lock(mutex_);
    context = context_;
  }
  SslPtr ssl(SSL_new(context.get()));  // which shares the context
  TW_CHECK(ssl);
  SSL_set_accept_state(ssl.get());
  return MakeTlsStream(std::move(stream), std::move(ssl));
}

arrow::Result<std::unique_ptr<Stream>> WrapTlsClient(std::unique_ptr<Stream> stream, const TlsClientOptions& options) {
  const ContextPtr context = MakeContext(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (options.authorities.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return Bad("The system's authorities cannot be read.");
  } else {
    const BioPtr from = Over(options.authorities);
    int count = 0;
    for (X509Ptr one = NextCertificate(from.get()); one; one = NextCertificate(from.get()), ++count) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), one.get());
    }
    if (count == 0) return Error(ErrorCode::kInvalidConfig, "There is no certificate in PEM among the authorities.");
  }
  SslPtr ssl(SSL_new(context.get()));
  TW_CHECK(ssl);
  SSL_set_connect_state(ssl.get());
  // An address is checked as such; of names the server is told, too, so that it can choose a certificate.
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, options.server_name.c_str()) != 1) {
    ERR_clear_error();
    if (SSL_set1_host(ssl.get(), options.server_name.c_str()) != 1 ||
        SSL_set_tlsext_host_name(ssl.get(), options.server_name.c_str()) != 1) {
      return Bad("The server's name is no host name.");
    }
  }
  return MakeTlsStream(std::move(stream), std::move(ssl));
}

}  // namespace thalweg::net
