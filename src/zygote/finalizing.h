/* What the end of a program needs and Python's public interface does not offer. For the main thread, which
 * holds the interpreter's lock. */
#ifndef EXECUTOR_ZYGOTE_FINALIZING_H
#define EXECUTOR_ZYGOTE_FINALIZING_H

#include <Python.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From here on sys.is_finalizing() is true, and daemon threads end when they next want the interpreter. */
void executor_begin_finalizing(void);

/* A collection that no callback (gc.callbacks) hears of; how many objects it took. */
Py_ssize_t executor_collect_silently(void);

/* Once, when everything that is there before a program runs has been made, and frozen (gc.freeze) but for
 * __main__. */
void executor_remember_start(void);

/* 1 when there has been no second thread, no exit function is registered, no signal or call waits for the
 * interpreter, and the standard streams have no methods but their own. */
int executor_nothing_to_run(void);

/* 1 when nothing that the program left can notice that it is taken apart: no object with a finalizer, no weak
 * reference, no class of its own, no module. Then the end of the process may as well take it away. Writes to
 * no object; takes a few nanoseconds for each container that the program left. */
int executor_nothing_to_finalize(void);

#ifdef __cplusplus
}
#endif

#endif
