#pragma once

#include "os/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace dlock::supervise {

enum class MessageKind : std::int32_t {
  // front to engine
  Signal,  // number: pass it on to the job; detail: 1 if the terminal sent it to the whole group
  StopQuestion,         // number: which stop; is the job still in it?
  Continue,             // number: the stop that a SIGCONT ends
  Kill,                 // kill the whole process tree of the job now
  EarlySignalsPassed,   // signals that came before the fork of the engine, if there is a terminal
  LockDescriptorTaken,  // number: 1 if the front has the descriptor, else 0
  Cgroup,               // text and fd: the directory of the job's cgroup, or neither if there is
                        // none; number: 1 if one is required, and text says why there is none
  // engine to front
  LockDescriptor,  // fd: holds the lock of the embedded store; answered by LockDescriptorTaken
  CgroupRemoved,   // no process could be started in it
  Socket,          // text: the directory of the job's socket
  Granted,         // text: when the lock was acquired, in ms of the store's clock
  Waiting,         // text: what the engine waits for; empty: it has the lock
  Started,         // the command runs
  Stopped,         // number: which stop; the job was stopped, as by Ctrl-Z
  StopConfirmed,   // number: which stop; the job is still in it
  Continued,       // the job was continued
  Killing,         // number: ending, text: why; the engine kills the job
  JobGone,         // number: ending, detail: its detail; no process of the job is left
  Finished,        // as JobGone, and fd: a memory_file() of the report, if one is wanted
};

struct Message {
  MessageKind kind;
  std::int32_t number = 0;
  std::int32_t detail = 0;
  std::string text;
  Fd fd;
};

/// One end of the link between front and engine. The death of one process is an end-of-file at the
/// other, after everything that was sent: no pid is watched, so a reused pid cannot be mistaken for
/// the peer.
///
/// No call blocks, so a stopped peer cannot block this process. Used by the main thread of each
/// side only.
class Channel {
 public:
  Channel() = default;
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}

  /// Makes both ends; throws std::system_error.
  static std::pair<Channel, Channel> make_pair();

  /// Returns false, and drops the message, when the peer is gone or has let the channel fill up.
  /// The text is meant for one sentence and is truncated beyond 8192 bytes; longer content goes
  /// through a memory_file().
  bool send(const Message& message);

  /// Returns the next message, or nothing if there is none. peer_gone() then says whether another
  /// can come. The descriptor of the message is missing if this process has no room for it.
  std::optional<Message> receive();
  bool peer_gone() const { return peer_gone_; }

  int fd() const { return fd_.number(); }
  void close() { fd_.close(); }

 private:
  Fd fd_;
  bool peer_gone_ = false;
};

}  // namespace dlock::supervise
