/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `mute`: sets the samples before (top) or after (bottom) a time, or between two (inner), to zero.
 *
 * Where the times come from (`shape`):
 *   linear, hyperbolic  offset x, velocity v in the same unit of length a second, intercept t0: t = t0 + |x| / v, or
 *                       t = sqrt(t0^2 + (x / v)^2). inner: from that to the same of until_t0 and until_velocity.
 *   picks               a text file of header values and times, a pick a line. top, bottom: times are linear between
 *                       the picks, which ascend, and constant beyond them. inner: the picks are the corners of a
 *                       polygon, and what lies in it is muted.
 *   header              the header words muts (top), mute (bottom), or from muts to mute (inner); 0 is none.
 * Times are those of the recording: a trace's first sample is at its delay recording time, which is 0 where the survey
 * has no column `delrt`.
 *
 * A cosine taper of length L lies on the side that is kept: a sample s beyond what is muted has the weight
 * 0.5 (1 - cos(pi s / L)) up to L, and is untouched from there on, bit for bit.
 *
 * Columns that it reads: `offset`, the key of the picks, or muts and mute; then `delrt`.
 */
#ifndef SEISPROC_KERNELS_MUTE_MUTE_H
#define SEISPROC_KERNELS_MUTE_MUTE_H

#include "kernels/mute/formula.h"
#include "seisproc/processor.h"

typedef struct sp_mute_params {
  double velocity;                 /* the survey's unit of length a second */
  double t0;                       /* ms */
  double taper;                    /* ms */
  int where;                       /* sp_mute_where */
  int shape;                       /* sp_mute_shape */
  double until_velocity, until_t0; /* of the second curve; NAN: as the first */
  sp_path picks;
  sp_words key; /* none or one header: whose values the picks have; none: offset */
} sp_mute_params;

/* Makes the rule of these parameters; reads the picks. On success the caller frees rule->picks (sp_free), which is
 * NULL where there are none. Fills `why` and returns SP_ERR_INPUT where the file is not as it should be. */
sp_status sp_mute_make_rule(const sp_mute_params *params, double sample_interval_s, sp_mute_rule *rule, char *why,
                            size_t why_size);

/* Columns that a trace's times depend on, before `delrt`: 1 or 2. */
static inline uint32_t sp_mute_n_values(const sp_mute_params *p) {
  return p->shape == SP_MUTE_HEADER && p->where == SP_MUTE_INNER ? 2 : 1;
}

extern const sp_cpu_ops sp_mute_cpu;
extern const sp_processor sp_processor_mute;

#endif
