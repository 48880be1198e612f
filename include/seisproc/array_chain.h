/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain on gathers that lie in memory: for programs that have traces of their own, or read them with trace_store.h.
 *
 * One process and its threads (or its first GPU) compute; no MPI is started or needed. Numbers are those of a job with
 * the same chain, bit for bit where the backend is the same.
 */
#ifndef SEISPROC_ARRAY_CHAIN_H
#define SEISPROC_ARRAY_CHAIN_H

#include "seisproc/figures.h"
#include "seisproc/gather_index.h"
#include "seisproc/processor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_array_config {
  /* Text of a job file: the chain, and how it is applied (mode, on_error, nan, trid, precision, qc, engine):
   * "chain: [dwt: {k: 3}]". Input and output may be left out and are not looked at. `sort` is refused. */
  const char *job;
  uint32_t n_samples;       /* a trace */
  double sample_interval_s; /* > 0 */
  const sp_column *columns; /* [n_columns]: the header columns that come with the traces, with their units; borrowed
                               during the call; NULL where there are none */
  size_t n_columns;
  sp_local max_traces; /* of one call */
  int n_threads;       /* at least 1 */
} sp_array_config;

/* Gathers in memory: trace i is in[i * n_samples ...]. All is borrowed during the call; in, out and noise differ. */
typedef struct sp_array {
  sp_local n_gathers;
  const sp_local *first_trace;  /* [n_gathers + 1], from 0 on, not decreasing; its last is the number of traces */
  const float *in;              /* [n_traces][n_samples] */
  const double *const *headers; /* [n_columns][n_traces], in the order and the units of the config's columns; NAN where
                                   a trace has no number; NULL where there are none */
  float *out;                /* [n_traces][n_samples]: what is processed; the noise where the job says `mode: noise` */
  float *noise;              /* the same: input - out, where the job says `mode: both`; else NULL */
  sp_gather_result *results; /* [n_gathers]: what became of each; NULL: not wanted */
} sp_array;

typedef struct sp_array_chain sp_array_chain;

/* Makes a chain ready, with all its memory. The caller owns *out. Errors, logged in one line each: SP_ERR_USAGE for a
 * text that is not a chain, processors that take no gathers (fkk, pstm), columns that the chain needs and that are not
 * there, a shape that cannot be; SP_ERR_MEMORY; SP_ERR_DEVICE. */
sp_status sp_array_chain_create(const sp_array_config *config, sp_array_chain **out);

/* Applies it. One thread at a time. Errors: SP_ERR_USAGE for an array that does not fit the config; SP_ERR_GATHER, with
 * `on_error: abort`, for the first gather that could not be processed (results say which, and all is written); else a
 * gather that cannot be processed is handled as on_error says, and is no error; SP_ERR_DEVICE. */
sp_status sp_array_chain_apply(sp_array_chain *chain, const sp_array *array);

/* Takes NULL. */
void sp_array_chain_destroy(sp_array_chain *chain);

#ifdef __cplusplus
}
#endif

#endif
