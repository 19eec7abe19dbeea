#pragma once

#include "core/time.h"

#include <sys/syscall.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <cerrno>
#endif

namespace dlock {

/// A direct system call, which no preloaded library can intercept: one that fakes the time of day
/// (libfaketime) would also change the clocks and timeouts of a lock's lease. It does not touch
/// errno.
///
/// Returns what the kernel returns: -errno after an error.
inline long bare_call(long number, long first, long second = 0, long third = 0, long fourth = 0,
                      long fifth = 0) {
#if defined(__x86_64__)
  long result = number;
  register long fourth_register asm("r10") = fourth;
  register long fifth_register asm("r8") = fifth;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(first), "S"(second), "d"(third), "r"(fourth_register), "r"(fifth_register)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long number_register asm("x8") = number;
  register long result asm("x0") = first;
  register long second_register asm("x1") = second;
  register long third_register asm("x2") = third;
  register long fourth_register asm("x3") = fourth;
  register long fifth_register asm("x4") = fifth;
  asm volatile("svc #0"
               : "+r"(result)
               : "r"(number_register), "r"(second_register), "r"(third_register),
                 "r"(fourth_register), "r"(fifth_register)
               : "memory");
  return result;
#else  // no memory is shared there, and a preloaded library can intercept the call
  const long result = ::syscall(number, first, second, third, fourth, fifth);
  return result == -1 ? -errno : result;
#endif
}

template <class Pointed>
long as_argument(Pointed* pointer) {
  return reinterpret_cast<long>(pointer);
}

/// A time in the form of the kernel's calls, independent of the C library's type.
struct KernelTime {
  long seconds;
  long nanoseconds;

  static constexpr KernelTime of(Duration time) {
    return {static_cast<long>(time.count() / 1'000'000'000),
            static_cast<long>(time.count() % 1'000'000'000)};
  }
};

}  // namespace dlock
