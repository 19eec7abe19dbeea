#pragma once

#include "os/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace dlock::supervise {

enum class MessageKind : std::int32_t {
  // front to engine
  Signal,        // number: pass it on to the job; detail: 1 if the terminal sent it to all of us
  StopQuestion,  // number: which stop; is the job still in it?
  Continue,      // number: the stop which somebody wants to end
  Kill,          // kill the job's whole tree now
  EarlySignalsPassed,  // those that came before the engine was forked, if there is a terminal
  WitnessTaken,        // number: 1 if the front has the descriptor of a Witness, 0 if it cannot
  // engine to front
  Witness,        // fd: keeps the lock of the embedded store; answered by WitnessTaken
  Cgroup,         // text: the directory of the job's cgroup
  Socket,         // text: the directory of the job's socket
  Granted,        // text: when the lock was got, in ms of the store's clock
  Waiting,        // text: for whom the engine waits; empty: for nobody, it has the lock
  Started,        // the job's program runs
  Stopped,        // number: which stop; the job was stopped, as by Ctrl-Z
  StopConfirmed,  // number: which stop; it still is
  Continued,      // it goes on
  Killing,        // number: ending, text: why; the engine kills the job
  JobGone,        // number: ending, detail: its detail; no process of the job is left
  Finished,       // the same, and fd: a memory_file() of the report, if anybody wants it
};

struct Message {
  MessageKind kind;
  std::int32_t number = 0;
  std::int32_t detail = 0;
  std::string text;
  Fd fd;
};

/// One end of the link between front and engine. The death of one end is an end-of-file at the
/// other, after everything that was sent: no pid is watched, and none can be mistaken.
///
/// No call blocks: a stopped peer must not stop us. Used by the main thread of each side only.
class Channel {
 public:
  Channel() = default;
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}

  /// Both ends; throws std::system_error.
  static std::pair<Channel, Channel> make_pair();

  /// False when the peer is gone or has let the channel fill up; the message is lost then. A text
  /// is a sentence, and longer than one is cut off: what may be long goes by a memory_file().
  bool send(const Message& message);

  /// The next message; nothing when there is none. peer_gone() tells whether there ever will be.
  /// Its descriptor is missing if we have no room for it.
  std::optional<Message> receive();
  bool peer_gone() const { return peer_gone_; }

  int fd() const { return fd_.number(); }
  void close() { fd_.close(); }

 private:
  Fd fd_;
  bool peer_gone_ = false;
};

}  // namespace dlock::supervise
