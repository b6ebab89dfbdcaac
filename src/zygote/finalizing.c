/* C, because CPython's internal headers use C atomics. Source: Py_FinalizeEx and the collector of
 * CPython 3.11. */
#define Py_BUILD_CORE 1
#include "zygote/finalizing.h"

#include <Python.h>
#include <internal/pycore_gc.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

/* What the collector never visits ends here; gc.freeze appends to it. */
static uintptr_t last_frozen;
static long warning_filters;
/* Borrowed, to be compared alone. */
static PyObject* standard_output;
static PyObject* standard_error;

static PyInterpreterState* interpreter(void) { return PyThreadState_Get()->interp; }

void executor_begin_finalizing(void) { _PyRuntimeState_SetFinalizing(&_PyRuntime, PyThreadState_Get()); }

void executor_remember_frozen(void) {
  last_frozen = interpreter()->gc.permanent_generation.head._gc_prev;
  warning_filters = interpreter()->warnings.filters_version;
  standard_output = PySys_GetObject("stdout");
  standard_error = PySys_GetObject("stderr");
}

/* Whether the stream is in its place with its buffer: then what it held has been flushed. Else somebody may
 * hold what flushes when it goes. */
static int is_whole(const char* name, PyObject* stream) {
  if (stream == NULL || PySys_GetObject(name) != stream) return 0;
  PyObject* const buffer = PyObject_GetAttrString(stream, "buffer");
  if (buffer == NULL) PyErr_Clear();
  Py_XDECREF(buffer);
  return buffer != NULL && buffer != Py_None;
}

/* Containers that run no code when they go, whatever they hold. Instances of a program's class need the
 * class, a module its own object; neither is here, so one of them left means that the end is done in full. */
static int goes_silently(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  return type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type || type == &PySet_Type ||
         type == &PyFrozenSet_Type || type == &PyFunction_Type || type == &PyCell_Type ||
         type == &PyMethod_Type || type == &PyCFunction_Type;
}

int executor_nothing_to_finalize(void) {
  PyInterpreterState* const state = interpreter();
  struct _gc_runtime_state* const gc = &state->gc;
  if (last_frozen == 0 || gc->permanent_generation.head._gc_prev != last_frozen || gc->debug != 0 ||
      state->warnings.filters_version != warning_filters)
    return 0;
  if (!is_whole("stdout", standard_output) || !is_whole("stderr", standard_error)) return 0;
  PyObject* const main_module = PyDict_GetItemString(state->modules, "__main__"); /* borrowed */
  PyObject* const loader = main_module != NULL && PyModule_CheckExact(main_module)
                               ? PyDict_GetItemString(PyModule_GetDict(main_module), "__loader__")
                               : NULL;
  for (int generation = 0; generation < NUM_GENERATIONS; ++generation) {
    PyGC_Head* const head = &gc->generations[generation].head;
    for (PyGC_Head* at = _PyGCHead_NEXT(head); at != head; at = _PyGCHead_NEXT(at)) {
      PyObject* const object = (PyObject*)(at + 1);
      if (object != main_module && object != loader && !goes_silently(object)) return 0;
    }
  }
  return 1;
}
