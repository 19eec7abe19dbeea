#pragma once

#include <string>
#include <string_view>

namespace dlock {

/// Bytes from anywhere, made fit for a terminal, a log and JSON: control characters and what is not
/// UTF-8 become `?`. A lock written by somebody else must not repaint the reader's screen.
std::string printable(std::string_view bytes);

/// `printable` text from which the bytes can be had again: what `printable` would replace is
/// `\\x0a`, and a backslash is `\\x5c`.
std::string escaped(std::string_view bytes);
/// The bytes again. A backslash that begins no such escape stays.
std::string unescaped(std::string_view text);

/// `printable`, and no longer than `most` bytes: a cut is marked by an ellipsis.
std::string excerpt(std::string_view bytes, std::size_t most);

/// `key 'backup'`: how every sentence about a key begins.
std::string about(std::string_view key);

/// Replaces user and password in every `scheme://user:password@host` by `***`.
///
/// Meant for text that others will read, such as the job's command line in the lock.
std::string without_url_secrets(std::string_view text);

/// Whether a URL in it has a password: `scheme://user:password@host`.
bool has_url_password(std::string_view text);

}  // namespace dlock
