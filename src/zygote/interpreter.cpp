#include <Python.h>
#include <marshal.h>

// after Python.h, which wants to be first
#include "zygote/interpreter.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "zygote/finalizing.h"

namespace executor::zygote {

namespace {

constexpr const char* kMain = "/tmp/main.py";
constexpr int kFlushFailed = 120;  // what python3 itself exits with when a standard stream cannot be flushed

/// Owns one reference.
class Ref {
 public:
  explicit Ref(PyObject* object) : object_(object) {}
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  ~Ref() { Py_XDECREF(object_); }
  [[nodiscard]] PyObject* get() const { return object_; }
  [[nodiscard]] PyObject* release() { return std::exchange(object_, nullptr); }
  [[nodiscard]] explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_;
};

/// Names of the modules that stand in sys.modules before any program runs. Never destroyed.
std::set<std::string>& start_modules() {
  static auto* const names = new std::set<std::string>;
  return *names;
}

/// What the zygote keeps for every child, most of it for its end; nullptr until start_interpreter. Never
/// released.
struct Kept {
  PyObject* builtins = nullptr;        ///< copy of builtins as the core made them: what shutdown restores
  PyObject* sys = nullptr;             ///< the dictionary of sys
  PyObject* sys_names = nullptr;       ///< dict: names that stand in sys before any program runs
  PyObject* modules = nullptr;         ///< list: modules of the start, which outlive sys.modules
  PyObject* exit_functions = nullptr;  ///< atexit._run_exitfuncs
  PyObject* closed_name = nullptr;     ///< "closed", interned: look-ups are remembered by a name's address
  PyObject* flush_name = nullptr;      ///< "flush"
  std::uint32_t magic = 0;             ///< of compiled code; asking for it writes to pages of importlib
};
Kept kept;

std::string text(PyObject* object) {
  const char* utf8 = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : nullptr;
  if (utf8 == nullptr) PyErr_Clear();
  return utf8 == nullptr ? std::string() : std::string(utf8);
}

/// A module of the start: its dictionary, what stood in it, and its version when the program began.
struct StartDict {
  PyObject* dict;
  PyObject* before;
  std::uint64_t version;
};

/// In the order of sys.modules, without builtins, sys and __main__, which have ways of their own. Never
/// destroyed.
std::vector<StartDict>& start_dicts() {
  static auto* const dicts = new std::vector<StartDict>;
  return *dicts;
}

std::uint64_t version_of(PyObject* dict) { return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag; }

[[noreturn]] void exit_with(const PyStatus& status) { Py_ExitStatusException(status); }

void require(const PyStatus& status) {
  if (PyStatus_Exception(status)) exit_with(status);
}

constexpr const char* kShortestProgram = "print(42)\n";
constexpr const char* kUsualProgram = R"(
def double(n):
    return n * 2

n = int(input())
values = [double(i) for i in range(n)]
print(double(n), sum(values))
)";

/// The lines touch what nearly every program touches: compiler, dictionaries, integers, strings,
/// exceptions, standard streams.
constexpr const char* kFirstTouch = R"(
def f(n):
    s = [str(i) for i in range(n)]
    d = {k: len(k) for k in s}
    return sum(d.values()) + int("7") * 2.0
try:
    f(40)
    [].pop()
except IndexError as e:
    "{}{}".format(e, 1)
import sys
print(end="", sep="", file=sys.stdout, flush=True)
for name in "buffer", "closed", "encoding", "errors", "fileno", "flush", "line_buffering", "readline", "write":
    for stream in sys.stdin, sys.stdout, sys.stderr:
        for layer in stream, stream.buffer, stream.buffer.raw:
            getattr(layer, name, None)
)";

/// Keeps together what a program allocates first: it would fill the holes that the start has left in many
/// pages, each of which its process would have to copy. The holes are filled for good, and nothing of it is
/// freed. Pools of CPython 3.11's obmalloc.
void begin_new_pools() {
  constexpr std::size_t kPool = 1 << 14;
  constexpr std::size_t kPoolHeader = 48;
  constexpr std::size_t kLargestSmall = 512;
  constexpr std::size_t kStep = 16;
  constexpr std::size_t kMost = 1 << 20;  // bytes of one size
  for (std::size_t size = kStep; size <= kLargestSmall; size += kStep) {
    std::uintptr_t before = 0;
    for (std::size_t taken = 0; taken < kMost; taken += size) {
      const auto block = reinterpret_cast<std::uintptr_t>(PyObject_Malloc(size));
      if (before % kPool == kPoolHeader && block == before + size) break;
      before = block;
    }
  }
}

/// Runs a few lines in a namespace of their own that is thrown away again.
void touch() {
  const Ref globals(PyDict_New());
  PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins());
  const Ref result(PyRun_String(kFirstTouch, Py_file_input, globals.get(), globals.get()));
  PyErr_Clear();
}

// ---- the end of a program, as Py_FinalizeEx does it, without taking the interpreter itself apart: the
// process ends
// ---- anyway, and touching every page of it costs milliseconds

bool flush(const char* name, bool report) {
  PyObject* stream = PySys_GetObject(name);  // borrowed
  if (stream == nullptr || stream == Py_None) return true;
  const Ref closed(PyObject_GetAttr(stream, kept.closed_name));
  if (!closed) PyErr_Clear();
  if (closed && PyObject_IsTrue(closed.get()) == 1) return true;
  PyErr_Clear();
  const Ref done(PyObject_CallMethodNoArgs(stream, kept.flush_name));
  if (done) return true;
  if (report) {
    PyErr_WriteUnraisable(stream);
  } else {
    PyErr_Clear();
  }
  return false;
}

/// False when one of them could not be flushed.
bool flush_streams(bool report) {
  const bool out = flush("stdout", report);
  const bool err = flush("stderr", false);
  return out && err;
}

/// Borrowed; nullptr where the program has not imported it.
PyObject* threading_module() { return PyDict_GetItemString(PyImport_GetModuleDict(), "threading"); }

void join_threads() {
  PyObject* const threading = threading_module();
  if (threading == nullptr) return;
  const Ref done(PyObject_CallMethod(threading, "_shutdown", nullptr));
  if (!done) PyErr_WriteUnraisable(threading);
}

void run_exit_functions() {
  const Ref done(PyObject_CallNoArgs(kept.exit_functions));
  if (!done) PyErr_WriteUnraisable(nullptr);
}

/// finalize_modules_delete_special.
void delete_special_names() {
  PyObject* builtins = PyEval_GetBuiltins();  // borrowed
  if (PyDict_GetItemString(builtins, "_") != nullptr) PyDict_SetItemString(builtins, "_", Py_None);
  for (const char* name : {"path", "argv", "ps1", "ps2", "last_type", "last_value", "last_traceback",
                           "path_hooks", "path_importer_cache", "meta_path"})
    PySys_SetObject(name, Py_None);
  for (const char* name : {"stdin", "stdout", "stderr"}) {
    const std::string original = std::string("__") + name + "__";
    PyObject* value = PySys_GetObject(original.c_str());  // borrowed
    PySys_SetObject(name, value != nullptr ? value : Py_None);
  }
}

/// Names whose value in `dict` is not the one in `start`, or that stand in `dict` alone; with `values` false
/// only the latter. Counts no reference to what is the same: a page that is written to is a page that the
/// kernel copies.
PyObject* differing_names(PyObject* dict, PyObject* start, bool values) {
  PyObject* names = PyList_New(0);
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &name, &value) != 0;) {
    // a name that is no plain string may run code of the program when it is compared
    PyObject* const before = PyUnicode_CheckExact(name) ? PyDict_GetItem(start, name) : nullptr;  // borrowed
    if (before == nullptr || (values && before != value)) PyList_Append(names, name);
  }
  PyErr_Clear();
  return names;
}

/// Makes `dict` what `start` is. What was there instead goes when the dictionary is whole again.
void restore(PyObject* dict, PyObject* start) {
  const Ref changed(differing_names(dict, start, true));
  const Ref missing(differing_names(start, dict, false));
  std::vector<PyObject*> gone;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(changed.get()); ++i) {
    PyObject* const name = PyList_GET_ITEM(changed.get(), i);
    gone.push_back(Py_NewRef(PyDict_GetItem(dict, name)));
    PyObject* const before = PyDict_GetItem(start, name);  // borrowed
    if (before != nullptr) {
      PyDict_SetItem(dict, name, before);
    } else {
      PyDict_DelItem(dict, name);
    }
  }
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(missing.get()); ++i)
    PyDict_SetItem(dict, PyList_GET_ITEM(missing.get(), i),
                   PyDict_GetItem(start, PyList_GET_ITEM(missing.get(), i)));
  PyErr_Clear();
  for (PyObject* value : gone) Py_DECREF(value);
}

/// What _PyModule_Clear does: single-underscore names first, then all but __builtins__.
void clear_dict(PyObject* dict) {
  for (const bool underscored : {true, false}) {
    const Ref keys(PyDict_Keys(dict));
    for (Py_ssize_t i = 0; keys && i < PyList_GET_SIZE(keys.get()); ++i) {
      PyObject* key = PyList_GET_ITEM(keys.get(), i);
      const std::string name = text(key);
      const bool is_private = name.starts_with('_') && !name.starts_with("__");
      if (name.empty() || name == "__builtins__" || is_private != underscored) continue;
      if (PyDict_GetItem(dict, key) != Py_None) PyDict_SetItem(dict, key, Py_None);
    }
  }
  PyErr_Clear();
}

/// finalize_remove_modules: every entry of sys.modules becomes None, in order, so that modules without other
/// users go. Those of the start are held by the zygote's list; weak references to the program's own are
/// returned.
PyObject* remove_modules() {
  PyObject* modules = PyImport_GetModuleDict();  // borrowed
  PyObject* weak = PyList_New(0);
  const Ref names(PyDict_Keys(modules));
  for (Py_ssize_t i = 0; names && i < PyList_GET_SIZE(names.get()); ++i) {
    PyObject* name = PyList_GET_ITEM(names.get(), i);
    PyObject* module = PyDict_GetItem(modules, name);  // borrowed
    const bool of_start = start_modules().contains(text(name)) && text(name) != "__main__";
    if (module != nullptr && PyModule_Check(module) && !of_start)
      if (const Ref reference(PyWeakref_NewRef(module, nullptr)); reference)
        PyList_Append(weak, reference.get());
    PyDict_SetItem(modules, name, Py_None);
    PyErr_Clear();
  }
  PyDict_Clear(modules);
  return weak;
}

void clear_living_modules(PyObject* weak) {
  for (Py_ssize_t i = PyList_GET_SIZE(weak); i-- > 0;) {
    PyObject* module = PyWeakref_GetObject(PyList_GET_ITEM(weak, i));  // borrowed
    if (module == nullptr || module == Py_None) continue;
    const Ref held(Py_NewRef(module));
    clear_dict(PyModule_GetDict(module));
  }
}

/// What the program left in sys; the streams go first, as they do in a real shutdown.
void clear_program_names_of_sys(PyObject* dict) {
  // closing what was printed into is what flushes it; errors are nobody's any more
  flush_streams(false);
  for (const char* name : {"stderr", "__stderr__", "__stdin__", "stdin", "__stdout__", "stdout"})
    PySys_SetObject(name, Py_None);
  const Ref names(differing_names(dict, kept.sys_names, false));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i)
    PyDict_SetItem(dict, PyList_GET_ITEM(names.get(), i), Py_None);
  PyErr_Clear();
}

/// What the program hung onto modules of the start, or put in place of what they had. Only what has been
/// written to is looked at: each change of a dictionary gives it a new version.
void clear_changed_start_modules() {
  for (auto module = start_dicts().rbegin(); module != start_dicts().rend(); ++module) {
    if (version_of(module->dict) == module->version) continue;
    const Ref names(differing_names(module->dict, module->before, true));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i)
      PyDict_SetItem(module->dict, PyList_GET_ITEM(names.get(), i), Py_None);
    PyErr_Clear();
  }
}

bool start_modules_changed() {
  return std::ranges::any_of(
      start_dicts(), [](const StartDict& module) { return version_of(module.dict) != module.version; });
}

/// finalize_modules, restricted to what the program made: its own modules in the interpreter's order, so that
/// __del__ and weak references fire as they would, seeing what they would see.
void drop_modules() {
  delete_special_names();
  const Ref weak(remove_modules());
  PyObject* builtins = PyEval_GetBuiltins();  // borrowed
  restore(builtins, kept.builtins);
  PyGC_Enable();  // the last collections do not ask whether the program had switched it off
  executor_collect_silently();
  clear_living_modules(weak.get());
  clear_changed_start_modules();
  clear_program_names_of_sys(kept.sys);
  executor_collect_silently();
}

/// As handle_system_exit: the exit status of a SystemExit's code, which is printed when it is not a number.
int system_exit_status() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  int status = 0;
  PyObject* attribute =
      value != nullptr && PyExceptionInstance_Check(value) ? PyObject_GetAttrString(value, "code") : nullptr;
  PyErr_Clear();
  const Ref code(attribute != nullptr ? attribute : Py_NewRef(value != nullptr ? value : Py_None));
  if (code.get() != Py_None) {
    if (PyLong_Check(code.get())) {
      status = static_cast<int>(PyLong_AsLong(code.get()));
      PyErr_Clear();
    } else {
      PyObject* stream = PySys_GetObject("stderr");  // borrowed
      PyErr_Clear();
      if (stream != nullptr && stream != Py_None) {
        PyFile_WriteObject(code.get(), stream, Py_PRINT_RAW);
      } else {
        PyObject_Print(code.get(), stderr, Py_PRINT_RAW);
        std::fflush(stderr);
      }
      PySys_WriteStderr("\n");
      status = 1;
    }
  }
  PyErr_Clear();
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  return status;
}

/// The collector finds globals by way of their module, which python3 has in an older generation than what the
/// program made: that decides the order in which finalizers are called.
void visit_main_last() {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "__main__");  // borrowed
  if (module == nullptr || PyModule_CheckExact(module) == 0 || PyObject_GC_IsTracked(module) == 0) return;
  PyObject_GC_UnTrack(module);
  PyObject_GC_Track(module);
}

/// Whether no line of the program would be run by the end, and nothing is left to be flushed: then it need
/// not be done.
bool nobody_notices_the_end() {
  return threading_module() == nullptr && executor_nothing_to_run() != 0 && !start_modules_changed() &&
         executor_nothing_to_finalize() != 0;
}

/// Everything of the end but the end itself; the exit status.
int finish(int status, bool interrupted) {
  join_threads();
  Py_MakePendingCalls();
  PyErr_Clear();
  run_exit_functions();
  executor_begin_finalizing();
  if (!flush_streams(true)) status = kFlushFailed;
  if (start_modules_changed() || executor_nothing_to_finalize() == 0) {
    visit_main_last();
    PyGC_Collect();
    drop_modules();
  }
  if (interrupted) {  // python3 dies of the signal, so that its caller can see why
    ::signal(SIGINT, SIG_DFL);
    ::kill(::getpid(), SIGINT);
    status = 128 + SIGINT;
  }
  return status & 0xff;
}

/// Once before an exception is shown and before anything of the end. False when something could not be
/// flushed.
bool flush_keeping_exception() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const bool err = flush("stderr", false);
  const bool out = flush("stdout", false);
  PyErr_Restore(type, value, traceback);
  return err && out;
}

void set_main_attributes(PyObject* dict) {
  const Ref file(PyUnicode_FromString(kMain));
  PyDict_SetItemString(PySys_GetObject("path_importer_cache"), kMain, Py_None);  // looked at, and no archive
  PyDict_SetItemString(dict, "__file__", file.get());
  PyDict_SetItemString(dict, "__cached__", Py_None);
  const Ref importlib(PyImport_ImportModule("_frozen_importlib_external"));
  const Ref loader_type(PyObject_GetAttrString(importlib.get(), "SourceFileLoader"));
  const Ref loader(PyObject_CallFunction(loader_type.get(), "ss", "__main__", kMain));
  if (loader) PyDict_SetItemString(dict, "__loader__", loader.get());
  PyErr_Clear();
}

/// A __main__ that the collector sees: the one of the start is frozen with everything else.
void renew_main() {
  PyObject* modules = PyImport_GetModuleDict();               // borrowed
  PyObject* old = PyDict_GetItemString(modules, "__main__");  // borrowed
  const Ref fresh(PyModule_New("__main__"));
  PyObject* dict = PyModule_GetDict(fresh.get());
  PyDict_Update(dict, PyModule_GetDict(old));
  const Ref annotations(PyDict_New());
  PyDict_SetItemString(dict, "__annotations__", annotations.get());
  set_main_attributes(dict);
  PyDict_SetItemString(modules, "__main__", fresh.get());
}

/// sys.modules with names of its own. Those of the start are constants spread over the executable's data;
/// taking the modules away at a program's end writes to each name, and to every page that holds one.
void gather_module_names() {
  PyObject* modules = PyImport_GetModuleDict();  // borrowed
  const Ref before(PyDict_Copy(modules));
  PyDict_Clear(modules);
  PyObject* name = nullptr;
  PyObject* module = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(before.get(), &at, &name, &module) != 0;) {
    const Ref own(PyUnicode_FromString(text(name).c_str()));
    PyDict_SetItem(modules, own.get(), module);
  }
}

void prepend_work_directory() {
  PyObject* path = PySys_GetObject("path");  // borrowed
  const Ref directory(PyUnicode_FromString("/tmp"));
  PyList_Insert(path, 0, directory.get());
}

/// As _PyRun_SimpleFile does when the script has run to its end, before anything of the shutdown.
void forget_file(PyObject* dict) {
  for (const char* name : {"__file__", "__cached__"})
    if (PyDict_DelItemString(dict, name) != 0) PyErr_Clear();
}

void set_arguments(const std::vector<std::string>& args) {
  const Ref list(PyList_New(0));
  const Ref original(PyList_New(0));
  const auto append = [](PyObject* to, const std::string& argument) {
    const Ref value(
        PyUnicode_DecodeFSDefaultAndSize(argument.data(), static_cast<Py_ssize_t>(argument.size())));
    if (value) PyList_Append(to, value.get());
  };
  append(original.get(), "python3");
  for (PyObject* target : {list.get(), original.get()}) {
    append(target, "main.py");
    for (const std::string& argument : args) append(target, argument);
  }
  PySys_SetObject("argv", list.get());
  PySys_SetObject("orig_argv", original.get());
  PyErr_Clear();
}

/// What shutdown restores is what the core made: without what the start of streams and site added.
void remember_start() {
  kept.builtins = PyDict_Copy(PyEval_GetBuiltins());
  for (const char* later : {"open", "exit", "quit", "copyright", "credits", "license", "help", "_"})
    if (PyDict_GetItemString(kept.builtins, later) != nullptr) PyDict_DelItemString(kept.builtins, later);
  PyObject* modules = PyImport_GetModuleDict();  // borrowed
  kept.sys = PyModule_GetDict(PyDict_GetItemString(modules, "sys"));
  kept.sys_names = PyDict_New();  // without the values: a stream that nobody holds any more must go
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(kept.sys, &at, &name, &value) != 0;)
    PyDict_SetItem(kept.sys_names, name, Py_None);
  for (const char* set_later : {"last_type", "last_value", "last_traceback"})
    PyDict_SetItemString(kept.sys_names, set_later, Py_None);
  kept.modules = PyDict_Values(modules);
  PyObject* module = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(modules, &at, &name, &module) != 0;) {
    const std::string known = text(name);
    if (PyModule_Check(module) == 0 || known == "builtins" || known == "sys" || known == "__main__") continue;
    PyObject* dict = PyModule_GetDict(module);
    start_dicts().push_back({dict, PyDict_Copy(dict), 0});
  }
  kept.closed_name = PyUnicode_InternFromString("closed");
  kept.flush_name = PyUnicode_InternFromString("flush");
  kept.magic = static_cast<std::uint32_t>(PyImport_GetMagicNumber());
  const Ref atexit(PyImport_ImportModule("atexit"));
  kept.exit_functions = PyObject_GetAttrString(atexit.get(), "_run_exitfuncs");
  PyDict_DelItemString(modules, "atexit");
  PyErr_Clear();
}

/// The code of this interpreter that the bytes hold; nullptr where they hold none.
PyObject* load_code(const std::string& compiled) {
  constexpr std::size_t kMagicSize = 4;
  if (compiled.size() <= kMagicSize || std::memcmp(compiled.data(), &kept.magic, kMagicSize) != 0)
    return nullptr;
  Ref code(PyMarshal_ReadObjectFromString(compiled.data() + kMagicSize,
                                          static_cast<Py_ssize_t>(compiled.size() - kMagicSize)));
  PyErr_Clear();
  return code && PyCode_Check(code.get()) ? code.release() : nullptr;
}

PyObject* run_file(std::FILE* file, PyObject* dict) {
  PyCompilerFlags flags = {};
  flags.cf_feature_version = PY_MINOR_VERSION;
  return PyRun_FileExFlags(file, kMain, Py_file_input, dict, dict, 1, &flags);
}

/// The code is gone before the end of the program begins, as it is where it was compiled.
PyObject* run_code(PyObject* code, PyObject* dict) {
  const Ref own(code);
  return PyEval_EvalCode(code, dict, dict);
}

/// Runs the program as __main__ and finishes; the exit status. Takes over `code`, or, where there is none,
/// compiles the file and closes it.
int run_and_finish(PyObject* code, std::FILE* file) {
  Ref module(Py_NewRef(PyImport_AddModule("__main__")));  // a program may take it out of sys.modules
  PyObject* dict = PyModule_GetDict(module.get());        // borrowed
  PyObject* result = code != nullptr ? run_code(code, dict) : run_file(file, dict);
  const bool flushed = flush_keeping_exception();
  if (result != nullptr) {
    Py_DECREF(result);
    if (flushed && nobody_notices_the_end()) return 0;
    forget_file(dict);
    Py_DECREF(module.release());
    return finish(0, false);
  }
  if (PyErr_ExceptionMatches(PyExc_SystemExit) != 0) {
    Py_DECREF(module.release());
    return finish(system_exit_status(), false);
  }
  const bool interrupted = PyErr_Occurred() == PyExc_KeyboardInterrupt;
  PyErr_Print();
  forget_file(dict);
  Py_DECREF(module.release());
  return finish(1, interrupted);
}

}  // namespace

void start_interpreter() {
  PyPreConfig preconfig;
  PyPreConfig_InitPythonConfig(&preconfig);
  require(Py_PreInitialize(&preconfig));
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  wchar_t program[] = L"python3";
  wchar_t script[] = L"main.py";
  wchar_t* argv[] = {program, script};
  require(PyConfig_SetArgv(&config, 2, argv));
  require(Py_InitializeFromConfig(&config));
  PyConfig_Clear(&config);
  prepend_work_directory();

  const Ref names(PyDict_Keys(PyImport_GetModuleDict()));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i)
    start_modules().insert(text(PyList_GET_ITEM(names.get(), i)));
  remember_start();
  gather_module_names();
  touch();
  PyGC_Collect();
  PyGC_Disable();
  const Ref gc(PyImport_ImportModule("gc"));
  const Ref frozen(PyObject_CallMethod(gc.get(), "freeze", nullptr));
  PyDict_DelItemString(PyImport_GetModuleDict(), "gc");
  PyErr_Clear();
  begin_new_pools();
  renew_main();
  set_arguments({});
  for (StartDict& module : start_dicts()) module.version = version_of(module.dict);
  executor_remember_start();
  PyOS_BeforeFork();  // once for all forks: what it takes is never given back here
}

std::string compiled_rehearsal(Rehearsal rehearsal) {
  const char* const program = rehearsal == Rehearsal::usual ? kUsualProgram : kShortestProgram;
  const Ref code(Py_CompileString(program, kMain, Py_file_input));
  const Ref bytes(code ? PyMarshal_WriteObjectToString(code.get(), Py_MARSHAL_VERSION) : nullptr);
  if (!bytes) {
    PyErr_Clear();
    return {};
  }
  std::string compiled(reinterpret_cast<const char*>(&kept.magic), sizeof kept.magic);
  return compiled.append(PyBytes_AS_STRING(bytes.get()),
                         static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
}

void prepare_child() {
  PyOS_AfterFork_Child();
  PyGC_Enable();
}

bool rehearse(const std::string& compiled) {
  PyObject* const code = load_code(compiled);
  return code != nullptr && run_and_finish(code, nullptr) == 0;
}

void run_main(const std::vector<std::string>& args, std::string compiled) {
  if (!args.empty()) set_arguments(args);
  PyObject* const code = load_code(compiled);
  std::string().swap(compiled);  // its memory is the program's
  std::FILE* const file = code == nullptr ? std::fopen(kMain, "rb") : nullptr;
  if (code == nullptr && file == nullptr) {
    std::fprintf(stderr, "python3: can't open file '%s': [Errno %d]\n", kMain, errno);
    ::_exit(2);
  }
  const int status = run_and_finish(code, file);
  std::fflush(nullptr);
  ::_exit(status);
}

}  // namespace executor::zygote
