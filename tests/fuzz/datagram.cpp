// A datagram with descriptors, through a unix socket: the first byte of the input is the number of
// descriptors, the rest is the text.
#include "os/datagram.h"

#include "fuzz/property.h"

#include <array>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace dlock;

namespace {

/// The lowest free descriptor, which rises with each one that is left open.
int lowest_free() { return Fd{::dup(STDERR_FILENO)}.number(); }

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data, size).substr(1);
  const std::size_t count = data[0] % 8;
  const int free_before = lowest_free();
  {
    std::array<int, 2> ends{};
    fuzz::require(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) == 0,
                  "a socket pair can be created");
    const Fd ours{ends[0]};
    const Fd theirs{ends[1]};
    fuzz::require(!receive_datagram(ours), "nothing is received before something was sent");
    std::vector<Fd> descriptors;
    for (std::size_t i = 0; i < count; ++i)
      descriptors.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    fuzz::require(send_datagram(theirs, text, descriptors), "it can be sent");
    const auto datagram = receive_datagram(ours);
    fuzz::require(datagram.has_value(), "it arrives");
    const bool fits = text.size() <= longest_datagram;
    fuzz::require(datagram->text == (fits ? text : ""), "its text arrives complete or not at all");
    fuzz::require(datagram->descriptors.size() == (fits ? count : 0), "its descriptors arrive");
    for (const Fd& descriptor : datagram->descriptors)
      fuzz::require((::fcntl(descriptor.number(), F_GETFD) & FD_CLOEXEC) != 0,
                    "descriptors are close-on-exec");
    fuzz::require(!receive_datagram(ours), "it arrives once");
  }
  fuzz::require(lowest_free() == free_before, "no descriptor is left open");
  return 0;
}
