/* SPDX-License-Identifier: BSD-3-Clause */
/* Being ended by a fault of its own (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS): a process leaves a line that
 * says so, for whoever starts it again, and what it had in hand where that may be the reason: the signal was raised by
 * a thread that was computing. A signal that another process sent, one in a thread that reads, writes or drives a
 * device, and one for memory that went from under a mapping (SIGBUS: a disk or /dev/shm that is full, a file that
 * became shorter, a memory error) accuse nothing. Private to seisproc.
 *
 * The handler then gives way to what was there before, so that the fault ends the process as it would have. It is state
 * at file scope, since a signal handler can reach nothing else.
 */
#ifndef SEISPROC_SRC_BASE_CRASH_H
#define SEISPROC_SRC_BASE_CRASH_H

#include <stdbool.h>
#include <stdint.h>

enum { SP_CRASH_SLABS = 4 }; /* that a process may have in hand at once */

/* From now on a fault appends "crash RANK SIGNAL FIRST N TRIAL\n" to `fd` for each slab in hand that is accused (N is 0
 * where there is none). Borrows fd. Call it after MPI has installed its handlers. */
void sp_crash_start(int fd, int rank);

/* The n gathers from `first` are in hand under this number; n = 0: no more. `trial` is handed through. */
void sp_crash_set(unsigned slab, uint64_t first, uint64_t n, unsigned trial);

/* This thread begins, or ends, to compute what is in hand. */
void sp_crash_computing(bool computing);

/* Puts the former handlers back. Does nothing where none was replaced. */
void sp_crash_stop(void);

#endif
