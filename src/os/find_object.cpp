// Only in the packages' program (DLOCK_LINK=runtime), which has the unwinder of GCC inside: a
// shared one would be a library to load at each start. That unwinder asks the C library which
// object an address belongs to, by a function that came with glibc 2.35. With this one in its place
// the program runs on glibc 2.34 as well. It is slower, and called only when an exception is
// thrown.
#include <cstdint>
#include <dlfcn.h>
#include <link.h>

namespace {

struct Question {
  std::uintptr_t address;
  dl_find_object* answer;
};

int examine(dl_phdr_info* object, std::size_t, void* data) {
  const auto& question = *static_cast<Question*>(data);
  const auto at = [object](const ElfW(Phdr) & part) { return object->dlpi_addr + part.p_vaddr; };
  const ElfW(Phdr)* unwind_table = nullptr;
  bool found = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type == PT_GNU_EH_FRAME) unwind_table = &part;
    if (part.p_type == PT_LOAD && question.address - at(part) < part.p_memsz) {
      found = true;
      question.answer->dlfo_map_start = reinterpret_cast<void*>(at(part));
      question.answer->dlfo_map_end = reinterpret_cast<void*>(at(part) + part.p_memsz);
    }
  }
  if (!found || unwind_table == nullptr) return 0;
  question.answer->dlfo_flags = 0;
  question.answer->dlfo_link_map = nullptr;
  question.answer->dlfo_eh_frame = reinterpret_cast<void*>(at(*unwind_table));
  return 1;
}

}  // namespace

/// Returns 0 and fills `answer`, or -1 if no object with a table for unwinding is there. Reentrant.
extern "C" int _dl_find_object(void* address, dl_find_object* answer) noexcept {
  Question question{reinterpret_cast<std::uintptr_t>(address), answer};
  return ::dl_iterate_phdr(examine, &question) == 1 ? 0 : -1;
}
