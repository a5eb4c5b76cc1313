#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/net/tcp.h"
#include "thalweg/net/tls_context.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/runtime/shards.h"

namespace thalweg::net {
namespace {

using runtime::Task;
using ::testing::HasSubstr;
using StreamPtr = std::unique_ptr<Stream>;

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

/// A certificate that vouches for itself, for "localhost" and 127.0.0.1.
TlsIdentity MakeIdentity(int64_t serial) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  BIO* certificate_text = BIO_new(BIO_s_mem());
  BIO* key_text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_text, certificate);
  PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {TextOf(certificate_text), TextOf(key_text)};
}

/// Two ends of one connection on one shard: the server's with TLS, the client's bare.
struct Ends {
  StreamPtr server;
  StreamPtr client;
};

Task<Ends> Connect(runtime::Shards& shards, const TlsServerContext& context) {
  runtime::Completion<StreamPtr> accepted;
  auto listener = ListenTcp(shards, {"127.0.0.1", 0}, [&](StreamPtr stream) { accepted.Set(std::move(stream)); });
  EXPECT_TRUE(listener.ok()) << listener.status();
  auto client = co_await ConnectTcp(shards.at(0), (*listener)->address());
  EXPECT_TRUE(client.ok()) << client.status();
  Ends ends{co_await accepted.Wait(shards.at(0)), std::move(*client)};
  ends.server = context.Wrap(std::move(ends.server));
  co_return ends;
}

std::vector<Fragment> Text(std::string_view text) { return {Bytes::Copy(AsBytes(text))}; }

Task<arrow::Result<std::string>> ReadExactly(Stream& stream, size_t size) {
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const auto got = co_await stream.Read(MutableByteView(reinterpret_cast<uint8_t*>(text.data()) + done, size - done));
    if (!got.ok()) co_return got.status();
    if (*got == 0) break;
    done += *got;
  }
  text.resize(done);
  co_return text;
}

/// Sends `times` copies of `text`, and says good-bye.
Task<> Say(Stream& stream, std::string text, int times, runtime::Countdown& left) {
  for (int i = 0; i < times; ++i) EXPECT_TRUE((co_await stream.Write(Text(text))).ok());
  left.Arrive();
}

Task<> Hear(Stream& stream, std::string text, int times, runtime::Countdown& left) {
  for (int i = 0; i < times; ++i) {
    const auto heard = co_await ReadExactly(stream, text.size());
    EXPECT_TRUE(heard.ok()) << heard.status();
    EXPECT_TRUE(heard.ok() && *heard == text);
  }
  left.Arrive();
}

class TlsTest : public ::testing::Test {
 public:
  void Run(Task<> (*body)(TlsTest& test)) { runtime::BlockOn(shards->at(0), body(*this)); }

  const TlsIdentity identity = MakeIdentity(1);
  const std::unique_ptr<TlsServerContext> context = TlsServerContext::Make(identity).ValueOrDie();
  const std::unique_ptr<runtime::Shards> shards = runtime::Shards::Start(1);
};

TEST_F(TlsTest, BytesGoBothWaysAtOnce) {
  Run([](TlsTest& test) -> Task<> {
    runtime::Executor& shard = test.shards->at(0);
    Ends ends = co_await Connect(*test.shards, *test.context);
    ends.client = WrapTlsClient(std::move(ends.client), {test.identity.certificate, "127.0.0.1"}).ValueOrDie();
    const std::string text(700'001, 'x');
    runtime::Countdown left(4);
    runtime::Spawn(Say(*ends.server, text, 5, left));
    runtime::Spawn(Say(*ends.client, text, 5, left));
    runtime::Spawn(Hear(*ends.server, text, 5, left));
    runtime::Spawn(Hear(*ends.client, text, 5, left));
    co_await left.Wait(shard);
    EXPECT_EQ(ends.server->bytes_written(), 5 * text.size());
    ends.client->Close();
    const auto end = co_await ReadExactly(*ends.server, 1);
    EXPECT_TRUE(end.ok() && end->empty()) << end.status();
  });
}

TEST_F(TlsTest, FilesAreSentEncrypted) {
  Run([](TlsTest& test) -> Task<> {
    std::FILE* file = std::tmpfile();
    const std::string text = std::string(100'000, 'f') + "end";
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
    std::fflush(file);
    Ends ends = co_await Connect(*test.shards, *test.context);
    ends.client = WrapTlsClient(std::move(ends.client), {test.identity.certificate, "localhost"}).ValueOrDie();
    runtime::Countdown left(1);
    runtime::Spawn(Hear(*ends.client, text.substr(10), 1, left));
    std::vector<Fragment> fragments;
    fragments.emplace_back(FileRange{fileno(file), 10, text.size() - 10, nullptr});
    EXPECT_TRUE((co_await ends.server->Write(std::move(fragments))).ok());
    co_await left.Wait(test.shards->at(0));
    std::fclose(file);
  });
}

TEST_F(TlsTest, AClientBelievesOnlyWhatItKnows) {
  Run([](TlsTest& test) -> Task<> {
    for (const auto& [authorities, name] :
         {std::pair(MakeIdentity(2).certificate, "localhost"), std::pair(test.identity.certificate, "elsewhere")}) {
      Ends ends = co_await Connect(*test.shards, *test.context);
      ends.client = WrapTlsClient(std::move(ends.client), {authorities, name}).ValueOrDie();
      runtime::Countdown left(1);
      arrow::Status server_status;
      runtime::Spawn([](Stream& server, arrow::Status& status, runtime::Countdown& done) -> Task<> {
        status = (co_await ReadExactly(server, 1)).status();
        done.Arrive();
      }(*ends.server, server_status, left));
      const arrow::Status status = co_await ends.client->Write(Text("a secret"));
      EXPECT_EQ(CodeOf(status), ErrorCode::kNetwork);
      EXPECT_THAT(status.message(), HasSubstr("greeting"));
      co_await left.Wait(test.shards->at(0));
      EXPECT_EQ(CodeOf(server_status), ErrorCode::kNetwork) << "it is told";
    }
  });
}

TEST_F(TlsTest, WhoSpeaksNoTlsIsAnError) {
  Run([](TlsTest& test) -> Task<> {
    Ends ends = co_await Connect(*test.shards, *test.context);
    EXPECT_TRUE((co_await ends.client->Write(Text("GET / HTTP/1.0\r\n\r\n"))).ok());
    const auto status = (co_await ReadExactly(*ends.server, 1)).status();
    EXPECT_EQ(CodeOf(status), ErrorCode::kNetwork);
    EXPECT_THAT(status.message(), HasSubstr("greeting"));
  });
}

TEST_F(TlsTest, ANewCertificateIsForNewConnections) {
  Run([](TlsTest& test) -> Task<> {
    const TlsIdentity next = MakeIdentity(3);
    Ends before = co_await Connect(*test.shards, *test.context);
    before.client = WrapTlsClient(std::move(before.client), {test.identity.certificate, "localhost"}).ValueOrDie();
    runtime::Countdown left(2);
    runtime::Spawn(Say(*before.server, "old", 1, left));
    runtime::Spawn(Hear(*before.client, "old", 1, left));
    co_await left.Wait(test.shards->at(0));

    EXPECT_TRUE(test.context->Replace(next).ok());
    EXPECT_EQ(CodeOf(test.context->Replace({next.certificate, test.identity.key})), ErrorCode::kInvalidConfig);
    Ends after = co_await Connect(*test.shards, *test.context);
    after.client = WrapTlsClient(std::move(after.client), {next.certificate, "localhost"}).ValueOrDie();
    runtime::Countdown more(4);
    for (Ends* ends : {&before, &after}) {
      runtime::Spawn(Say(*ends->server, "more", 1, more));
      runtime::Spawn(Hear(*ends->client, "more", 1, more));
    }
    co_await more.Wait(test.shards->at(0));
  });
}

TEST_F(TlsTest, WhatIsNoCertificateIsRefused) {
  for (const TlsIdentity& bad :
       {TlsIdentity{"", identity.key}, TlsIdentity{identity.certificate, ""}, TlsIdentity{identity.key, identity.key},
        TlsIdentity{MakeIdentity(2).certificate, identity.key}}) {
    const auto made = TlsServerContext::Make(bad);
    EXPECT_EQ(CodeOf(made.status()), ErrorCode::kInvalidConfig);
    EXPECT_THAT(made.status().message(), ::testing::Not(HasSubstr("PRIVATE")));
  }
}

}  // namespace
}  // namespace thalweg::net
