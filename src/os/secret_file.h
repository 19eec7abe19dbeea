#pragma once

#include <string>

namespace dlock {

/// A file with a secret, read completely, or the reason why dlock does not use it.
///
/// It must belong to root or to this user. It can be readable for the owner, for this user and for
/// groups of this user, by its mode or by an ACL; and for all users only if its mount belongs to
/// this container or unit alone (SECURITY.md, "Configuration and secrets"). Only the owner can have
/// permission to write it.
struct SecretFile {
  std::string text;
  /// Read from a pipe, which cannot be read a second time.
  bool only_once = false;
  /// What follows the name of the file in a message, with the remedy; empty if the text can be
  /// used.
  std::string why_not = {};

  /// Waits up to 30 seconds for the end of a pipe.
  static SecretFile read(const std::string& path);
};

}  // namespace dlock
