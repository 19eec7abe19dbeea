// Linked in place of two functions of the C library by -DDLOCK_COVERAGE=ON: dlock ends with
// _exit(2), or by the signal of the job, and neither writes the counters of gcov. So the product
// needs no hook for it.
extern "C" {

void __gcov_dump();  // <gcov.h> has it for C only
[[noreturn]] void __real__exit(int status);
int __real_raise(int signal);

[[noreturn]] void __wrap__exit(int status) {
  __gcov_dump();
  __real__exit(status);
}

int __wrap_raise(int signal) {
  __gcov_dump();
  return __real_raise(signal);
}
}
