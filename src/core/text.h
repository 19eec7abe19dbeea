#pragma once

#include <string>
#include <string_view>

namespace dlock {

/// Makes arbitrary bytes safe for a terminal, a log and JSON: control characters and invalid UTF-8
/// become `?`. A lock written by another program must not repaint the reader's screen.
std::string printable(std::string_view bytes);

/// Returns `printable` text from which unescaped() recovers the bytes: what `printable` would
/// replace becomes `\\x0a`, and a backslash becomes `\\x5c`.
std::string escaped(std::string_view bytes);
/// Returns the original bytes. A backslash that does not begin such an escape stays.
std::string unescaped(std::string_view text);

/// Returns `printable` text of at most `most` bytes; an ellipsis marks a cut.
std::string excerpt(std::string_view bytes, std::size_t most);

/// Returns `key 'backup'`, the start of every message about a key.
std::string about(std::string_view key);

/// Replaces user and password in every `scheme://user:password@host` by `***`.
///
/// For text that others can read, such as the job's command line in the lock.
std::string without_url_secrets(std::string_view text);

/// Whether the text contains a URL with a password: `scheme://user:password@host`.
bool has_url_password(std::string_view text);

}  // namespace dlock
