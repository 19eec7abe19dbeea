#include "redis/tls.h"

#include "core/text.h"
#include "os/secret_file.h"
#include "redis/openssl.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <unistd.h>

namespace dlock::redis {
namespace {

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

std::string file_text(const std::string& path) { return "'" + printable(path) + "'"; }

/// Where Linux distributions keep the certificates of the CAs that they trust, in one file: Debian
/// and Alpine, Fedora and RHEL, openSUSE.
constexpr std::array ca_bundles{"/etc/ssl/certs/ca-certificates.crt",
                                "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"};

/// The first error in OpenSSL's queue, as text; the queue is empty afterwards.
std::string last_error(const OpenSsl& ssl) {
  const unsigned long code = ssl.ERR_get_error();
  const char* const reason = code == 0 ? nullptr : ssl.ERR_reason_error_string(code);
  ssl.ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

/// For an encrypted key: there is no terminal session to enter its passphrase.
int no_passphrase(char*, int, int, void*) { return 0; }

/// OpenSSL calls this when the server requests a certificate and dlock has none.
int note_wish(SSL* connection, X509**, EVP_PKEY**);

/// An encrypted connection. The socket's writes cannot raise SIGPIPE: all threads of dlock have it
/// blocked, from before their start.
class TlsStream final : public Stream {
 public:
  TlsStream(const OpenSsl& ssl, SSL* connection, Fd socket, bool has_certificate)
      : ssl_(ssl),
        connection_(connection),
        socket_(std::move(socket)),
        has_certificate_(has_certificate) {
    ssl_.SSL_set_fd(connection_, socket_.number());
    ssl_.SSL_set_ex_data(connection_, 0, &certificate_wanted_);
  }
  ~TlsStream() override { ssl_.SSL_free(connection_); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Transfer shake_hands() override {
    ssl_.ERR_clear_error();
    errno = 0;
    return outcome(ssl_.SSL_connect(connection_));
  }

  Transfer send(std::string_view bytes) override {
    ssl_.ERR_clear_error();
    errno = 0;
    return outcome(ssl_.SSL_write(connection_, bytes.data(), static_cast<int>(bytes.size())));
  }

  Transfer receive(std::span<char> into) override {
    ssl_.ERR_clear_error();
    errno = 0;
    Transfer transfer =
        outcome(ssl_.SSL_read(connection_, into.data(), static_cast<int>(into.size())));
    if (transfer.state == Transfer::State::Moved) heard_ = true;
    return transfer;
  }

  int fd() const override { return socket_.number(); }

 private:
  Transfer outcome(int result) {
    if (result > 0) return {.count = static_cast<std::size_t>(result)};
    const int system_error = errno;
    switch (ssl_.SSL_get_error(connection_, result)) {
      case SSL_ERROR_WANT_READ:
        return {.state = Transfer::State::WantsToRead};
      case SSL_ERROR_WANT_WRITE:
        return {.state = Transfer::State::WantsToWrite};
      case SSL_ERROR_ZERO_RETURN:
        return closed({.state = Transfer::State::Closed});
      case SSL_ERROR_SYSCALL:
        return closed(system_error == 0 ? Transfer{.state = Transfer::State::Closed}
                                        : broken(std::string{::strerror(system_error)}));
      default:
        return explained(ssl_.ERR_get_error());
    }
  }

  static Transfer broken(std::string why, std::optional<ExitCode> refusal = {}) {
    return {.state = Transfer::State::Broken, .why = std::move(why), .refusal = refusal};
  }

  /// In TLS 1.3 the server checks the client's certificate after the client has completed its
  /// handshake, and its alert can be lost when it closes the connection at once.
  Transfer closed(Transfer transfer) const {
    if (heard_ || (!certificate_wanted_ && !has_certificate_)) return transfer;
    return certificate_wanted_
               ? broken("it requires a client certificate; give one with --tls-cert and --tls-key",
                        ExitCode::StoreRefused)
               : broken(
                     "it closed the connection after the TLS handshake; does it accept the "
                     "certificate of --tls-cert?",
                     ExitCode::StoreRefused);
  }

  Transfer explained(unsigned long code) {
    ssl_.ERR_clear_error();
    const char* const text = ssl_.ERR_reason_error_string(code);
    const std::string reason = text != nullptr ? text : "no reason given";
    switch (ERR_GET_REASON(code)) {
      case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return broken(untrusted(), ExitCode::StoreRefused);
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
      case SSL_R_RECORD_LENGTH_MISMATCH:
      case SSL_R_HTTP_REQUEST:
        return broken("it does not speak TLS; write redis instead of rediss, or check the port",
                      ExitCode::Configuration);
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return broken("it requires a client certificate; give one with --tls-cert and --tls-key",
                      ExitCode::StoreRefused);
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return broken("it rejected the client certificate (" + reason + "); check --tls-cert",
                      ExitCode::StoreRefused);
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
      case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return closed({.state = Transfer::State::Closed});
#endif
      default:
        return broken("TLS: " + reason);
    }
  }

  std::string untrusted() const {
    const long result = ssl_.SSL_get_verify_result(connection_);
    const std::string reason = " (" + std::string{ssl_.X509_verify_cert_error_string(result)} + ")";
    switch (result) {
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "its certificate is not signed by a trusted CA" + reason +
               "; name that CA with --tls-cacert";
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "its certificate is for another host" + reason +
               "; use the name in the certificate, or give that name with --tls-sni";
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return "its certificate has expired" + reason + "; renew it on the server";
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return "its certificate is not valid yet" + reason + "; check both clocks";
      default:
        return "its certificate is not trusted" + reason;
    }
  }

  const OpenSsl& ssl_;
  SSL* connection_;
  Fd socket_;
  bool has_certificate_;
  bool certificate_wanted_ = false;
  bool heard_ = false;
};

/// The certificates and rules of one stream, which keeps what it needs of them.
class Context {
 public:
  explicit Context(const OpenSsl& ssl)
      : ssl_(ssl), context_(ssl.SSL_CTX_new(ssl.TLS_client_method())) {
    if (context_ == nullptr) throw std::bad_alloc{};
    ssl_.SSL_CTX_ctrl(context_, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
    // A partial write is repeated from a buffer that can have moved.
    ssl_.SSL_CTX_ctrl(context_, SSL_CTRL_MODE,
                      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, nullptr);
    ssl_.SSL_CTX_set_default_passwd_cb(context_, no_passphrase);
    ssl_.SSL_CTX_set_client_cert_cb(context_, note_wish);
  }
  ~Context() { ssl_.SSL_CTX_free(context_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Result<Done, std::string> configure(const TlsOptions& options) {
    ssl_.SSL_CTX_set_verify(context_, options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                            nullptr);
    if (options.ca_file.empty()) {
      trust_the_system();
    } else if (ssl_.SSL_CTX_load_verify_locations(context_, options.ca_file.c_str(), nullptr) !=
               1) {
      return bad_file("--tls-cacert", options.ca_file, "certificate");
    }
    if (options.certificate_file.empty()) return Done{};
    if (ssl_.SSL_CTX_use_certificate_chain_file(context_, options.certificate_file.c_str()) != 1)
      return bad_file("--tls-cert", options.certificate_file, "certificate");
    if (std::string why = use_key(options); !why.empty()) return why;
    has_certificate_ = true;
    return Done{};
  }

  std::unique_ptr<Stream> wrap(Fd socket, const std::string& host) const {
    const std::string name = host.substr(0, host.find('%'));  // a certificate has no zone
    SSL* const connection = ssl_.SSL_new(context_);
    if (connection == nullptr) throw std::bad_alloc{};
    X509_VERIFY_PARAM* const expected = ssl_.SSL_get0_param(connection);
    if (is_numeric(name)) {
      ssl_.X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str());
    } else {
      ssl_.X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size());
      std::string sent{name};
      ssl_.SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    sent.data());
    }
    return std::make_unique<TlsStream>(ssl_, connection, std::move(socket), has_certificate_);
  }

 private:
  /// The CAs of this system. A dlock that was built on another distribution has an OpenSSL that
  /// looks for them where that one keeps them.
  void trust_the_system() {
    ssl_.SSL_CTX_set_default_verify_paths(context_);
    const auto is_there = [](const char* path) { return ::access(path, F_OK) == 0; };
    if (std::getenv("SSL_CERT_FILE") != nullptr || std::getenv("SSL_CERT_DIR") != nullptr ||
        is_there(ssl_.X509_get_default_cert_file()) || is_there(ssl_.X509_get_default_cert_dir()))
      return;
    for (const char* bundle : ca_bundles) {
      if (ssl_.SSL_CTX_load_verify_locations(context_, bundle, nullptr) == 1) break;
    }
    ssl_.ERR_clear_error();
  }

  /// Why the key of the client certificate cannot be used; otherwise empty.
  std::string use_key(const TlsOptions& options) const {
    std::string key = options.key;
    if (key.empty()) {
      SecretFile file = SecretFile::read(options.key_file);
      if (!file.why_not.empty())
        return "--tls-key " + file_text(options.key_file) + " " + file.why_not;
      key = std::move(file.text);
    }
    BIO* const source = ssl_.BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
    if (source == nullptr) throw std::bad_alloc{};
    EVP_PKEY* const parsed = ssl_.PEM_read_bio_PrivateKey(source, nullptr, no_passphrase, nullptr);
    const bool fits = parsed != nullptr && ssl_.SSL_CTX_use_PrivateKey(context_, parsed) == 1;
    ssl_.EVP_PKEY_free(parsed);
    ssl_.BIO_free(source);
    return fits ? ""
                : bad_file("--tls-key", options.key_file,
                           "key without a passphrase that fits --tls-cert");
  }

  std::string bad_file(const char* option, const std::string& path, const char* kind) const {
    return std::string{option} + " " + file_text(path) + " contains no PEM " + kind + " (" +
           last_error(ssl_) + ")";
  }

  const OpenSsl& ssl_;
  SSL_CTX* context_;
  bool has_certificate_ = false;
};

int note_wish(SSL* connection, X509**, EVP_PKEY**) {
  const auto ssl = OpenSsl::load();
  *static_cast<bool*>((*ssl)->SSL_get_ex_data(connection, 0)) = true;
  return 0;  // continue without one
}

}  // namespace

Result<std::unique_ptr<Stream>, std::string> Tls::wrap(Fd socket, const std::string& host) {
  const auto ssl = OpenSsl::load();
  if (!ssl) return ssl.error();
  Context context{**ssl};
  if (auto configured = context.configure(options_); !configured) return configured.error();
  return context.wrap(std::move(socket),
                      options_.server_name.empty() ? host : options_.server_name);
}

}  // namespace dlock::redis
