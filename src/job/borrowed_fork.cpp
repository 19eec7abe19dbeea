#include "job/borrowed_fork.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

// The sanitizers keep state about memory and stack that a child in the same memory would corrupt.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DLOCK_MAY_BORROW 0
#elif defined(__x86_64__) || defined(__aarch64__)
#define DLOCK_MAY_BORROW 1
#else
#define DLOCK_MAY_BORROW 0
#endif

#if DLOCK_MAY_BORROW
extern "C" long dlock_clone3_call(clone_args* arguments, std::size_t size, void (*child)(void*),
                                  void* argument);
#endif

// The child has an empty stack, so it cannot return from the function that made the system call. It
// continues with a call instead.
#if DLOCK_MAY_BORROW && defined(__x86_64__)
asm(R"(
    .text
    .globl dlock_clone3_call
    .hidden dlock_clone3_call
    .type dlock_clone3_call, @function
dlock_clone3_call:
    endbr64
    movq %rdx, %r8              # the system call leaves r8 and r9 alone
    movq %rcx, %r9
    movl $435, %eax             # clone3
    syscall
    testq %rax, %rax
    jz 1f
    ret
1:  xorl %ebp, %ebp
    andq $-16, %rsp             # aligned, as a call wants it
    movq %r9, %rdi
    call *%r8
    ud2
    .size dlock_clone3_call, . - dlock_clone3_call
)");
#elif DLOCK_MAY_BORROW && defined(__aarch64__)
asm(R"(
    .text
    .globl dlock_clone3_call
    .hidden dlock_clone3_call
    .type dlock_clone3_call, %function
dlock_clone3_call:
    mov x8, #435                // clone3
    svc #0
    cbz x0, 1f
    ret
1:  mov x0, x3                  // the system call leaves all registers but x0 alone
    blr x2
    brk #0
    .size dlock_clone3_call, . - dlock_clone3_call
)");
#endif

namespace dlock {
namespace {

long clone3_and_call(clone_args& arguments, void (*child)(void*), void* argument,
                     [[maybe_unused]] std::span<std::byte> stack) {
#if DLOCK_MAY_BORROW
  arguments.flags |= CLONE_VM;
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack.data());
  arguments.stack_size = stack.size() / 16 * 16;
  const long result = dlock_clone3_call(&arguments, sizeof arguments, child, argument);
  if (result < 0) errno = static_cast<int>(-result);
  return result;
#else
  const long result = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (result == 0) child(argument);
  return result;
#endif
}

}  // namespace

pid_t borrowed_fork(void (*child)(void*), void* argument, std::span<std::byte> stack,
                    int cgroup_directory) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  if (cgroup_directory >= 0) {
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<unsigned>(cgroup_directory);
  }
  const long pid = clone3_and_call(arguments, child, argument, stack);
  if (pid >= 0 || cgroup_directory >= 0) return pid < 0 ? -1 : static_cast<pid_t>(pid);
  // Kernels before 5.3 lack clone3, and some filters of containers and units do not know it. They
  // refuse it with ENOSYS, EPERM or any other error, so fork(2) is tried after every error.
  const pid_t forked = ::fork();
  if (forked == 0) child(argument);
  return forked;
}

}  // namespace dlock
