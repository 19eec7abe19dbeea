#include "redis/password.h"

#include "core/text.h"
#include "os/small_file.h"

#include <cstring>
#include <unistd.h>

namespace dlock {
namespace {

/// Of a file that is not ours the group is the administrator's choice: so secrets are mounted in
/// containers, and an ACL that lets us read it shows as rights of the group.
bool is_for_others(const SmallFile& file) {
  if ((file.mode & S_IRWXO) != 0) return true;
  return (file.mode & S_IRWXG) != 0 && (file.owner == ::geteuid() || (file.mode & S_IWGRP) != 0);
}

}  // namespace

Result<std::string, NoPassword> password_in_file(const Password& password) {
  const std::string file = password.option + " '" + printable(password.file) + "'";
  const SmallFile read = SmallFile::read(password.file);
  if (password.file.empty()) return NoPassword{file + " names no file"};
  if (read.error != 0) return NoPassword{file + " cannot be read: " + ::strerror(read.error)};
  if (is_for_others(read))
    return NoPassword{file + " can be used by others than its owner: chmod 600 it"};
  std::string text = read.text.substr(0, read.text.find_first_of("\r\n"));
  if (text.empty()) return NoPassword{file + " has no password in its first line"};
  return text;
}

}  // namespace dlock
