// An addon for the tests' copy of Node's root: call(number, six arguments) makes that system call, all
// BigInts. What the kernel says comes back as it is, an errno as a negative number. The interface of addons
// is Node's stable one (N-API 6); what of it is used is declared here, so that no headers of Node are needed.
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct env* napi_env;
typedef struct value* napi_value;
typedef struct info* napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

int napi_get_cb_info(napi_env, napi_callback_info, size_t*, napi_value*, napi_value*, void**);
int napi_get_value_bigint_int64(napi_env, napi_value, int64_t*, _Bool*);
int napi_create_bigint_int64(napi_env, int64_t, napi_value*);
int napi_create_function(napi_env, const char*, size_t, napi_callback, void*, napi_value*);

// A child that has its parent's stack, by vfork or as a thread, ends before it touches that: nothing is read
// from memory behind the call.
static long system_call(const int64_t a[7]) {
  long result;
  const _Bool forks = a[0] == SYS_clone || a[0] == SYS_fork || a[0] == SYS_vfork;
  const long end = a[0] == SYS_clone && (a[1] & CLONE_THREAD) ? SYS_exit : SYS_exit_group;
  register long r10 __asm__("r10") = a[4];
  register long r8 __asm__("r8") = a[5];
  register long r9 __asm__("r9") = a[6];
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 2f\n\t"
      "test %%rbx, %%rbx\n\t"
      "jz 2f\n"
      "1:\tmov %%rbx, %%rax\n\t"
      "xor %%edi, %%edi\n\t"
      "syscall\n\t"
      "jmp 1b\n"
      "2:"
      : "=a"(result)
      : "a"(a[0]), "D"(a[1]), "S"(a[2]), "d"(a[3]), "r"(r10), "r"(r8), "r"(r9), "b"(forks ? end : 0L)
      : "rcx", "r11", "memory", "cc");
  return result;
}

static napi_value call(napi_env env, napi_callback_info info) {
  napi_value given[7] = {0};
  size_t count = 7;
  int64_t numbers[7] = {0};
  _Bool exact;
  napi_value answer = 0;
  if (napi_get_cb_info(env, info, &count, given, 0, 0) != 0) return 0;
  for (size_t i = 0; i < 7; ++i)
    if (napi_get_value_bigint_int64(env, given[i], &numbers[i], &exact) != 0) return 0;
  // the thread pointer may be set to what it is, and to nothing else
  if (numbers[0] == SYS_arch_prctl && numbers[2] == 0) numbers[2] = (int64_t)__builtin_thread_pointer();
  if (numbers[0] == SYS_clone && (numbers[1] & CLONE_SETTLS))
    numbers[5] = (int64_t)__builtin_thread_pointer();
  napi_create_bigint_int64(env, system_call(numbers), &answer);
  return answer;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports);
napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  (void)exports;
  napi_value function = 0;
  napi_create_function(env, "call", 4, call, 0, &function);
  return function;
}
