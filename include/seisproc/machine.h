/* SPDX-License-Identifier: BSD-3-Clause */
/* What this process may use of the machine it runs on. */
#ifndef SEISPROC_MACHINE_H
#define SEISPROC_MACHINE_H

#include <stddef.h>
#include <stdint.h>

typedef struct sp_machine {
  int n_cores;       /* hardware threads that affinity and control group leave to this process; at least 1 */
  uint64_t affinity; /* which threads those are, as a hash: equal for processes that may run on the same ones */
  int n_gpus;        /* 0 where GPUs are not looked for (sp_gpu_count in engine.h does) */
  size_t memory;     /* bytes that can still be had, within the control group's limit; 0: unknown */
} sp_machine;

/* Never fails: what the system does not tell is left out. n_gpus is 0: engines know of GPUs. */
void sp_machine_look(sp_machine *out);

/* The limit that a control group's file names: NAN for "max" and for what is not a number. `text` is "200000 100000"
 * (cpu.max: a quota and its period, as cores), "max 100000", or "8589934592". */
double sp_machine_limit(const char *text);

/* Columns of the terminal that standard error is, 80 where it does not tell; 0: it is no terminal. */
int sp_terminal_columns(void);

#endif
