/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done to a trace besides computing it: is it finite, is it dead, the difference, a copy past the cache.
 *
 * Bound by bytes, so each is one pass over a trace that the cache still holds, for each instruction set. Results do not
 * depend on the instruction set: they are comparisons of bits, and one subtraction a sample.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_ROW_OPS_H
#define SEISPROC_SRC_FLOW_GATHER_ROW_OPS_H

#include <stddef.h>
#include <stdint.h>

/* What a row holds. */
enum { SP_ROW_ALIVE = 1, SP_ROW_NOT_FINITE = 2 }; /* a sample that is not zero; one that is NaN or Inf */

/* Sums over the samples of a trace: of the squares of what came in, of what is left and of the noise (their
 * difference), and of noise times what is left; and the largest |sample| that came in. */
typedef struct sp_row_sums {
  double in, out, noise, cross;
  float peak;
  uint32_t measured; /* 1; 0: the trace was not measured, and all else is 0 */
} sp_row_sums;

/* What came to a step and what it changed: sums of squares of a trace. */
typedef struct sp_step_sums {
  double in, removed;
} sp_step_sums;

typedef struct sp_row_ops {
  /* Says what x[n] holds. */
  unsigned (*scan)(const float *x, size_t n);
  /* difference[i] = a[i] - b[i], which may be b itself; says what the difference holds. */
  unsigned (*subtract)(float *difference, const float *a, const float *b, size_t n);
  /* Sums of a trace in[n] that became out[n]. Both are finite: else sums->measured is 0. Says what `in` holds, as scan
   * does, which costs nothing here. */
  unsigned (*measure)(const float *in, const float *out, size_t n, sp_row_sums *sums);
  /* Copies to a place that is not read again soon; the two do not overlap. */
  void (*stream)(float *out, const float *x, size_t n);
  /* Makes what was streamed visible to other threads that synchronise with this one. */
  void (*drain)(void);
} sp_row_ops;

/* Those for the instruction set that sp_isa_select chooses. */
const sp_row_ops *sp_row_ops_select(void);

#endif
