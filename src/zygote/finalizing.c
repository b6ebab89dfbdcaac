/* C, because CPython's internal headers use C atomics. Source: Py_FinalizeEx and the collector of
 * CPython 3.11. */
#define Py_BUILD_CORE 1
#include "zygote/finalizing.h"

#include <Python.h>
#include <internal/pycore_gc.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

enum { most_types = 1024, most_filters = 16, layers = 3 };

/* A stream, what it writes into, and the file below: whose attributes a program can put in the place of
 * methods. Borrowed. */
struct stream {
  const char* name;
  PyObject* layer[layers];
  uint64_t attributes[layers]; /* version of its dictionary */
};

/* How everything stood before any program ran. Borrowed, to be compared alone. */
static struct {
  int known;
  uintptr_t last_frozen; /* what the collector never visits ends here; gc.freeze appends to it */
  PyObject* main_module;
  PyObject* loader;
  PyTypeObject* loader_type;
  struct stream standard_output;
  struct stream standard_error;
  PyObject* below[layers - 1]; /* names, interned: look-ups are remembered by a name's address */
  uint64_t next_thread;
  long filters_version;
  PyObject* filters; /* of warnings: a list that a program may change in place */
  Py_ssize_t filter_count;
  PyObject* filter[most_filters];
  int type_count;
  PyTypeObject* type[most_types]; /* classes of the start that a program can give a finalizer */
  destructor finalizer[most_types];
} start;

static PyInterpreterState* interpreter(void) { return PyThreadState_Get()->interp; }

void executor_begin_finalizing(void) { _PyRuntimeState_SetFinalizing(&_PyRuntime, PyThreadState_Get()); }

Py_ssize_t executor_collect_silently(void) { return _PyGC_CollectNoFail(PyThreadState_Get()); }

/* 0 when there are more than there is room for. */
static int remember_types(PyGC_Head* frozen) {
  for (PyGC_Head* at = _PyGCHead_NEXT(frozen); at != frozen; at = _PyGCHead_NEXT(at)) {
    PyObject* const object = (PyObject*)(at + 1);
    if (!PyType_Check(object) || (((PyTypeObject*)object)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) != 0)
      continue;
    if (start.type_count == most_types) return 0;
    start.type[start.type_count] = (PyTypeObject*)object;
    start.finalizer[start.type_count++] = ((PyTypeObject*)object)->tp_finalize;
  }
  return 1;
}

/* The same. */
static int remember_filters(PyObject* filters) {
  if (filters == NULL || !PyList_CheckExact(filters) || PyList_GET_SIZE(filters) > most_filters) return 0;
  start.filters = filters;
  start.filter_count = PyList_GET_SIZE(filters);
  for (Py_ssize_t i = 0; i < start.filter_count; ++i) start.filter[i] = PyList_GET_ITEM(filters, i);
  return 1;
}

/* 0 for an object without a dictionary. */
static uint64_t version_of_attributes(PyObject* object) {
  PyObject** const dict = _PyObject_GetDictPtr(object);
  return dict == NULL || *dict == NULL ? 0 : ((PyDictObject*)*dict)->ma_version_tag;
}

/* NULL where it has none. Borrowed: its owner keeps it. */
static PyObject* layer_below(PyObject* object, int depth) {
  PyObject* const below = PyObject_GetAttr(object, start.below[depth]);
  if (below == NULL) PyErr_Clear();
  Py_XDECREF(below);
  return below;
}

/* The same. */
static int remember_stream(struct stream* stream, const char* name) {
  stream->name = name;
  PyObject* object = PySys_GetObject(name);
  for (int depth = 0; depth < layers; ++depth) {
    if (object == NULL) return 0;
    stream->layer[depth] = object;
    stream->attributes[depth] = version_of_attributes(object);
    if (depth + 1 < layers) object = layer_below(object, depth);
  }
  return 1;
}

void executor_remember_start(void) {
  PyInterpreterState* const state = interpreter();
  PyGC_Head* const frozen = &state->gc.permanent_generation.head;
  start.main_module = PyDict_GetItemString(state->modules, "__main__");
  if (start.main_module == NULL || !PyModule_CheckExact(start.main_module)) return;
  start.loader = PyDict_GetItemString(PyModule_GetDict(start.main_module), "__loader__");
  if (start.loader == NULL) return;
  start.loader_type = Py_TYPE(start.loader);
  start.last_frozen = frozen->_gc_prev;
  start.filters_version = state->warnings.filters_version;
  start.below[0] = PyUnicode_InternFromString("buffer");
  start.below[1] = PyUnicode_InternFromString("raw");
  start.next_thread = state->threads.next_unique_id;
  start.known = remember_types(frozen) && remember_filters(state->warnings.filters) &&
                remember_stream(&start.standard_output, "stdout") &&
                remember_stream(&start.standard_error, "stderr");
}

static int types_are_as_before(void) {
  for (int i = 0; i < start.type_count; ++i)
    if (start.type[i]->tp_finalize != start.finalizer[i]) return 0;
  return 1;
}

static int warnings_are_as_before(const PyInterpreterState* state) {
  PyObject* const filters = state->warnings.filters;
  if (filters != start.filters || state->warnings.filters_version != start.filters_version ||
      PyList_GET_SIZE(filters) != start.filter_count)
    return 0;
  for (Py_ssize_t i = 0; i < start.filter_count; ++i)
    if (PyList_GET_ITEM(filters, i) != start.filter[i]) return 0;
  return 1;
}

/* Nobody hears of the collections that are left out, and nothing was hidden from the collector. */
static int collector_is_as_before(const struct _gc_runtime_state* gc) {
  return gc->permanent_generation.head._gc_prev == start.last_frozen && gc->debug == 0 &&
         (gc->callbacks == NULL || PyList_GET_SIZE(gc->callbacks) == 0);
}

/* Whether the stream is in its place with its buffer: then what it held has been flushed. Else somebody may
 * hold what flushes when it goes. */
static int is_whole(const struct stream* stream) {
  PyObject* const object = PySys_GetObject(stream->name);
  if (object == NULL || object != stream->layer[0]) return 0;
  PyObject* const buffer = layer_below(object, 0);
  return buffer != NULL && buffer != Py_None;
}

/* Whether flushing it runs the interpreter's own code alone. */
static int has_own_methods(const struct stream* stream) {
  PyObject* object = PySys_GetObject(stream->name);
  for (int depth = 0; depth < layers; ++depth) {
    if (object == NULL || object != stream->layer[depth] ||
        version_of_attributes(object) != stream->attributes[depth])
      return 0;
    if (depth + 1 < layers) object = layer_below(object, depth);
  }
  return 1;
}

/* Containers that run no code when they go, whatever they hold. Instances of a program's class need the
 * class, a module its own object; neither is here, so one of them left means that the end is done in full. */
static int goes_silently(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  return type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type || type == &PySet_Type ||
         type == &PyFrozenSet_Type || type == &PyFunction_Type || type == &PyCell_Type ||
         type == &PyMethod_Type || type == &PyCFunction_Type;
}

/* Of the objects that were there before: the program's own module and its loader. */
static int is_of_start(PyObject* object) {
  return (object == start.main_module && PyModule_CheckExact(object)) ||
         (object == start.loader && Py_IS_TYPE(object, start.loader_type));
}

int executor_nothing_to_run(void) {
  const PyInterpreterState* const state = interpreter();
  return start.known && state->threads.next_unique_id == start.next_thread && state->atexit.ncallbacks == 0 &&
         _Py_atomic_load_relaxed(&state->ceval.eval_breaker) == 0 &&
         has_own_methods(&start.standard_output) && has_own_methods(&start.standard_error);
}

int executor_nothing_to_finalize(void) {
  PyInterpreterState* const state = interpreter();
  if (!start.known || !collector_is_as_before(&state->gc) || !warnings_are_as_before(state)) return 0;
  if (!is_whole(&start.standard_output) || !is_whole(&start.standard_error)) return 0;
  for (int generation = 0; generation < NUM_GENERATIONS; ++generation) {
    PyGC_Head* const head = &state->gc.generations[generation].head;
    for (PyGC_Head* at = _PyGCHead_NEXT(head); at != head; at = _PyGCHead_NEXT(at)) {
      PyObject* const object = (PyObject*)(at + 1);
      if (!is_of_start(object) && !goes_silently(object)) return 0;
    }
  }
  return types_are_as_before();
}
