/* The one thing that the end of a program needs and Python's public interface does not offer. */
#ifndef EXECUTOR_ZYGOTE_FINALIZING_H
#define EXECUTOR_ZYGOTE_FINALIZING_H

#ifdef __cplusplus
extern "C" {
#endif

/* From here on sys.is_finalizing() is true, and daemon threads end when they next want the interpreter. */
void executor_begin_finalizing(void);

#ifdef __cplusplus
}
#endif

#endif
