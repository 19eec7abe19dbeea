#include "redis/openssl.h"

#ifndef DLOCK_STATIC
#include <dlfcn.h>
#endif

namespace dlock::redis {

#ifdef DLOCK_STATIC

#ifdef __x86_64__
// The linker makes OpenSSL's code before main() call the first instead of the second: the processor
// is asked for its features when TLS is first used.
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): names of the linker
extern "C" void __wrap_OPENSSL_cpuid_setup() {}
extern "C" void __real_OPENSSL_cpuid_setup();
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)
#endif

Result<const OpenSsl*, std::string> OpenSsl::load() {
  static const OpenSsl linked = [] {
#ifdef __x86_64__
    __real_OPENSSL_cpuid_setup();
#endif
    ::OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    OpenSsl functions;
#define DLOCK_TAKE(name) functions.name = &::name;
    DLOCK_OPENSSL_FUNCTIONS(DLOCK_TAKE)
#undef DLOCK_TAKE
    return functions;
  }();
  return &linked;
}

#else

namespace {

#ifdef OPENSSL_SHLIB_VERSION
#define DLOCK_TEXT_OF(number) #number
#define DLOCK_TEXT(number) DLOCK_TEXT_OF(number)
constexpr const char* library_name = "libssl.so." DLOCK_TEXT(OPENSSL_SHLIB_VERSION);
#else
constexpr const char* library_name = "libssl.so.1.1";
#endif

}  // namespace

Result<const OpenSsl*, std::string> OpenSsl::load() {
  static OpenSsl functions;
  if (functions.SSL_new != nullptr) return &functions;
  void* const library = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return "TLS needs OpenSSL, which could not be loaded (" + std::string{::dlerror()} +
           "); install the package that has " + library_name;
  }
  OpenSsl found;
#define DLOCK_LOOK_UP(name)                                                     \
  found.name = reinterpret_cast<decltype(found.name)>(::dlsym(library, #name)); \
  if (found.name == nullptr) return std::string{library_name} + " lacks " + #name;
  DLOCK_OPENSSL_FUNCTIONS(DLOCK_LOOK_UP)
#undef DLOCK_LOOK_UP
  functions = found;
  return &functions;
}

#endif

}  // namespace dlock::redis
