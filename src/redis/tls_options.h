#pragma once

#include <string>

namespace dlock {

/// What a TLS connection is checked against. Empty texts: the system's CAs, no certificate of our
/// own, the name of the host.
struct TlsOptions {
  std::string ca_file;           // PEM
  std::string certificate_file;  // PEM, the client's with its chain
  std::string key_file;          // PEM
  std::string server_name;       // sent to the server (SNI), and expected in its certificate
  bool insecure = false;         // takes any certificate
};

}  // namespace dlock
