/* SPDX-License-Identifier: BSD-3-Clause */
/* From header values to gathers: which traces form one, and in which order they are stored. Private to seisproc;
 * pure. */
#ifndef SEISPROC_SRC_INDEX_TRACE_ORDER_H
#define SEISPROC_SRC_INDEX_TRACE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/gather_index.h"
#include "seisproc/status.h"

enum { SP_MAX_GATHER_KEYS = 2, SP_MAX_ORDER_KEYS = 6 };

/* A header word's values, in the order of the file. */
typedef struct sp_key {
  const char *name;
  const void *values; /* int32_t[n], or double[n] where real */
  bool real;
} sp_key;

typedef struct sp_order {
  uint32_t *source; /* source[i]: trace of the file that is stored i-th; NULL where that is i; owned */
  sp_global n_gathers;
  sp_global *first_trace; /* [n_gathers + 1]; owned */
  int64_t *key;           /* [n_gathers]; owned. Of two keys the first is in the upper 32 bits */
} sp_order;

/* Works out gathers of n > 0 traces by the first n_gather_keys keys (0: all traces are one gather), and within gathers
 * the order by the others, ascending. Where each gather's traces stand together in the file, the gathers keep the
 * file's order; else they come by ascending key. Traces with the same keys keep the file's order in any case. `path`
 * names the file in error lines. Errors: SP_ERR_INPUT for a gather key that is not an integer, for two that do not fit
 * 32 bits each, and for more than 2^32 - 1 traces that would have to be sorted; SP_ERR_MEMORY.
 * Memory: at most 16 bytes a trace while it works, at most 4 a trace and 16 a gather when it is done. */
sp_status sp_order_build(const char *path, const sp_key *keys, int n_gather_keys, int n_keys, uint64_t n,
                         sp_order *out);

/* Frees what *order owns. */
void sp_order_clear(sp_order *order);

/* Whether traces 0 ... n - 1 look like standing in their gathers' order already: a guess from a few, for which being
 * wrong costs time only. */
bool sp_order_seems_kept(const sp_key *keys, int n_gather_keys, int n_keys, uint32_t n);

#endif
