/* SPDX-License-Identifier: BSD-3-Clause */
/* The gather index: where each gather of a survey lies. Pure data, no I/O. */
#ifndef SEISPROC_GATHER_INDEX_H
#define SEISPROC_GATHER_INDEX_H

#include <stdint.h>

#include "seisproc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Traces and gathers of a survey are counted in 64 bits (sp_global), those of one slab in 32 (sp_local). */
typedef uint64_t sp_global;
typedef uint32_t sp_local;

enum { SP_KEY_NAME_LENGTH = 63, SP_GATHER_TEXT = 192 };

enum { SP_MAX_GATHER_TRACES = 2147483647 }; /* traces of one gather, at most */

/* Consecutive whole gathers, hence one contiguous slab of traces. Empty where n_gathers is 0. */
typedef struct sp_range {
  sp_global first_gather;
  sp_global first_trace;
  sp_local n_gathers;
  sp_local n_traces;
} sp_range;

typedef struct sp_gather_index {
  sp_global n_gathers;
  sp_global n_traces;
  sp_global *first_trace;                /* [n_gathers + 1], not decreasing from 0 to n_traces; owned */
  int64_t *key;                          /* [n_gathers]; owned; NULL where the keys are not needed */
  sp_local max_traces;                   /* of the largest gather */
  char key_name[SP_KEY_NAME_LENGTH + 1]; /* what the key is: "fldr", "iline+xline"; "" where that is not known */
} sp_gather_index;

/* Takes both arrays (from sp_alloc; also on failure) and checks them. `where` names their origin in the error line.
 * A survey without gathers is allowed: first_trace is then one 0. Errors: SP_ERR_INPUT when first_trace does not start
 * at 0, decreases, does not end at n_traces, or a gather has more than SP_MAX_GATHER_TRACES traces; says at which
 * gather. */
sp_status sp_gather_index_create(const char *where, sp_global n_gathers, sp_global n_traces, sp_global *first_trace,
                                 int64_t *key, sp_gather_index **out);

/* Takes NULL. */
void sp_gather_index_destroy(sp_gather_index *index);

/* The range of gathers first ... first + n - 1, which must exist and hold fewer than 2^32 traces. */
sp_range sp_gather_index_range(const sp_gather_index *index, sp_global first, sp_local n);

/* Two keys make one number: the first in the upper 32 bits, the second in the lower, both signed. */
int64_t sp_gather_key_join(int64_t first, int64_t second);
void sp_gather_key_split(int64_t key, int64_t *first, int64_t *second);

/* Writes what a key means: "fldr 10690", "iline 1000, xline 2000", "key 7" where the name is empty or "none". Returns
 * text. */
const char *sp_gather_key_text(const char *key_name, int64_t key, char text[SP_GATHER_TEXT]);

/* Writes "gather 12 (fldr 10690)", or "gather 12" where the index has no keys. Returns text. */
const char *sp_gather_text(const sp_gather_index *index, sp_global gather, char text[SP_GATHER_TEXT]);

/* Gather that holds this trace, which must exist; never an empty gather. Logarithmic. */
sp_global sp_gather_index_find(const sp_gather_index *index, sp_global trace);

#ifdef __cplusplus
}
#endif

#endif
