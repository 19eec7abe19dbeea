#pragma once

#include "core/result.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string>

namespace dlock::redis {

/// The functions of OpenSSL that dlock calls, under their own names.
///
/// They are looked up in the shared library when the first connection requires TLS. With normal
/// linking every start of dlock would load and relocate libssl and libcrypto, even without TLS. A
/// static dlock has them inside: a static program can load a library only where the C library is
/// the one that it was linked with.
struct OpenSsl {
#define DLOCK_OPENSSL_FUNCTIONS(X)      \
  X(BIO_free)                           \
  X(BIO_new_mem_buf)                    \
  X(ERR_clear_error)                    \
  X(ERR_get_error)                      \
  X(ERR_reason_error_string)            \
  X(EVP_PKEY_free)                      \
  X(PEM_read_bio_PrivateKey)            \
  X(SSL_CTX_check_private_key)          \
  X(SSL_CTX_ctrl)                       \
  X(SSL_CTX_free)                       \
  X(SSL_CTX_load_verify_locations)      \
  X(SSL_CTX_new)                        \
  X(SSL_CTX_set_client_cert_cb)         \
  X(SSL_CTX_set_default_passwd_cb)      \
  X(SSL_CTX_set_default_verify_paths)   \
  X(SSL_CTX_set_verify)                 \
  X(SSL_CTX_use_PrivateKey)             \
  X(SSL_CTX_use_certificate_chain_file) \
  X(SSL_connect)                        \
  X(SSL_ctrl)                           \
  X(SSL_free)                           \
  X(SSL_get0_param)                     \
  X(SSL_get_error)                      \
  X(SSL_get_ex_data)                    \
  X(SSL_get_verify_result)              \
  X(SSL_new)                            \
  X(SSL_read)                           \
  X(SSL_set_ex_data)                    \
  X(SSL_set_fd)                         \
  X(SSL_write)                          \
  X(TLS_client_method)                  \
  X(X509_VERIFY_PARAM_set1_host)        \
  X(X509_VERIFY_PARAM_set1_ip_asc)      \
  X(X509_get_default_cert_dir)          \
  X(X509_get_default_cert_file)         \
  X(X509_verify_cert_error_string)
#define DLOCK_DECLARE(name) decltype(&::name) name = nullptr;
  DLOCK_OPENSSL_FUNCTIONS(DLOCK_DECLARE)
#undef DLOCK_DECLARE

  /// Loads the library once and never unloads it. The error says what is missing. A static dlock
  /// does not read the system's openssl.cnf, which can name modules to be loaded.
  static Result<const OpenSsl*, std::string> load();
};

}  // namespace dlock::redis
