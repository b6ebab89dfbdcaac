/* C, because CPython's internal headers use C atomics. Source: Py_FinalizeEx of CPython 3.11. */
#define Py_BUILD_CORE 1
#include "zygote/finalizing.h"

#include <Python.h>
#include <internal/pycore_runtime.h>

void executor_begin_finalizing(void) { _PyRuntimeState_SetFinalizing(&_PyRuntime, PyThreadState_Get()); }
