#include "zygote/callbacks.hpp"

#include <dlfcn.h>

#include <cstddef>

namespace executor::zygote {

void prepare_callbacks() {
  void* const library = ::dlopen("libffi.so.8", RTLD_NOW);
  if (library == nullptr) return;
  using Allocate = void* (*)(std::size_t, void**);
  using Free = void (*)(void*);
  const auto allocate = reinterpret_cast<Allocate>(::dlsym(library, "ffi_closure_alloc"));
  const auto free_closure = reinterpret_cast<Free>(::dlsym(library, "ffi_closure_free"));
  if (allocate == nullptr || free_closure == nullptr) return;
  // freed at once: libffi keeps what it has mapped for the callbacks to come
  constexpr std::size_t kRoom = 60UL * 1024;
  void* code = nullptr;
  if (void* const closure = allocate(kRoom, &code)) free_closure(closure);
}

}  // namespace executor::zygote
