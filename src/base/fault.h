/* SPDX-License-Identifier: BSD-3-Clause */
/* Fault switches, in test builds only (`make faults`, which defines SP_FAULTS): elsewhere they are nothing. Private to
 * seisproc.
 *
 * The environment variable SEISPROC_FAULT says which go off: NAME:N or NAME:N@RANK, several separated by commas. The
 * N-th time that a process (of that rank) comes to the point NAME it kills itself with SIGKILL. SEISPROC_POISON names
 * gathers, separated by commas; one of them crashes a worker that computes it, GATHER:ENGINE where this engine does.
 * Points that can fail without dying ask SP_FAULT_IS_DUE: allocation:N fails the N-th allocation of a process.
 */
#ifndef SEISPROC_SRC_BASE_FAULT_H
#define SEISPROC_SRC_BASE_FAULT_H

#ifdef SP_FAULTS

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_FAULT_POINT(name) sp_fault_point(name)
/* Here a process may die having written only the first half of what it was about to. */
#define SP_FAULT_TORN_WRITE(name, fd, text, n) sp_fault_torn_write((name), (fd), (text), (n))
#define SP_FAULT_POISON(first, n, engine)      sp_fault_poison((first), (n), (engine))
#define SP_FAULT_IS_DUE(name)                  sp_fault_is_due(name)

void sp_fault_point(const char *name);
void sp_fault_torn_write(const char *name, int fd, const void *text, size_t n);
void sp_fault_poison(uint64_t first_gather, uint64_t n, const char *engine);
bool sp_fault_is_due(const char *name);

#else

#define SP_FAULT_POINT(name)                   ((void)0)
#define SP_FAULT_TORN_WRITE(name, fd, text, n) ((void)0)
#define SP_FAULT_POISON(first, n, engine)      ((void)0)
#define SP_FAULT_IS_DUE(name)                  false

#endif

#endif
