#include "os/terminal.h"

#include "os/fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace dlock {

Terminal Terminal::find() {
  Terminal terminal;
  const Fd tty{::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
  termios modes{};
  if (tty.open() && ::tcgetattr(tty.number(), &modes) == 0) terminal.modes_ = modes;
  return terminal;
}

void Terminal::restore() const {
  const Fd tty{::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
  if (!modes_ || !tty.open() || ::tcgetpgrp(tty.number()) != ::getpgrp()) return;
  // At once: waiting for unsent output could block for ever after a Ctrl-S.
  ::tcsetattr(tty.number(), TCSANOW, &*modes_);
}

}  // namespace dlock
