/* Being ended by a fault of its own (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS): a process that computes leaves
 * a line that says so and what it had in hand, for whoever starts it again. Private to seisproc.
 *
 * The handler then gives way to what was there before, so that the fault ends the process as it would have. It is state
 * at file scope, since a signal handler can reach nothing else.
 */
#ifndef SEISPROC_SRC_BASE_CRASH_H
#define SEISPROC_SRC_BASE_CRASH_H

#include <stdint.h>

enum { SP_CRASH_SLABS = 4 }; /* that a process may have in hand at once */

/* From now on a fault appends "crash RANK SIGNAL FIRST N\n" to `fd` for each slab in hand (N is 0 where there is none).
 * Borrows fd. Call it after MPI has installed its handlers. */
void sp_crash_watch(int fd, int rank);

/* The n gathers from `first` are in hand under this number; n = 0: no more. */
void sp_crash_set(unsigned slab, uint64_t first, uint64_t n);

/* Leaves those lines now, for a fault that is no signal (SIGNAL is 0): a device that failed. */
void sp_crash_note(void);

/* Puts the former handlers back. Does nothing where none was replaced. */
void sp_crash_unwatch(void);

#endif
