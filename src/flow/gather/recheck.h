/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading gathers of an output again: are they what was recorded, and what the input became? Private to seisproc. */
#ifndef SEISPROC_SRC_FLOW_GATHER_RECHECK_H
#define SEISPROC_SRC_FLOW_GATHER_RECHECK_H

#include "seisproc/figures.h"
#include "seisproc/gather_index.h"
#include "seisproc/job.h"
#include "seisproc/node_window.h"
#include "seisproc/status.h"

enum { SP_RECHECK_WHAT = 160 };

typedef struct sp_recheck sp_recheck;

/* What reading a gather again has shown. */
typedef struct sp_recheck_finding {
  bool bad;        /* its bytes are not those that were recorded, or cannot be read */
  bool unreadable; /* the latter */
  bool not_equal;  /* processed + noise is not the input */
  char what[SP_RECHECK_WHAT];
  uint64_t bytes; /* that were read of the output */
} sp_recheck_finding;

/* Opens an output, or one in the making, and the input that it is to be compared with (NULL: none); of both the gathers
 * that are asked for (selection.h; NULL: all). Not collective. Borrows path. Errors: SP_ERR_INPUT, SP_ERR_MEMORY. */
sp_status sp_recheck_open(const char *path, const char *gathers, const char *against, sp_recheck **out);

/* Takes NULL. */
void sp_recheck_close(sp_recheck *r);

/* Its gathers; belongs to r. */
const sp_gather_index *sp_recheck_index(const sp_recheck *r);

/* Bytes of a gather's samples, those of its noise included. */
uint64_t sp_recheck_gather_bytes(const sp_recheck *r, sp_global gather);

/* Of an output in the making whose job packs results as they come: n chunks of it lie in OUT.packed, at `packed`, and
 * are read from there. chunk_rows: of each. Copies all. Errors: SP_ERR_INPUT where they are none of this output,
 * SP_ERR_IO. */
sp_status sp_recheck_add_chunks(sp_recheck *r, const sp_job *job, const char *packed, uint64_t chunk_rows,
                                const sp_chunk *chunks, size_t n);

/* What the file itself says of gathers first ... first + n - 1. Errors: SP_ERR_INPUT where it says nothing. */
sp_status sp_recheck_recorded(const sp_recheck *r, sp_global first, sp_global n, sp_gather_result *results);

/* Reads a gather and compares it with its record: checksums, and against the input |input - processed - noise|, which
 * may be half a unit in the last place of the noise: the one rounding that the noise has seen. A gather that could not
 * be processed must be as it was with no noise, or zero. */
void sp_recheck_gather(sp_recheck *r, sp_global gather, const sp_gather_result *recorded, sp_recheck_finding *out);

#endif
