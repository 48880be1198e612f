/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of 16 bits with a factor a trace: sample = code * factor.
 *
 * The factor is the smallest power of two with which the largest sample of the trace still has a code, so that rounding
 * to a code is all that is lost, and a trace that was rounded once is not changed by being stored again. Codes are
 * rounded to the nearest, half to even:
 *
 *   integers  -32767 to 32767; -32768 stands for what is not finite, and is read as NaN
 *   halves    IEEE half precision, at most 65504; NaN and Inf stay what they are
 */
#ifndef SEISPROC_SRC_BASE_SCALED_H
#define SEISPROC_SRC_BASE_SCALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SP_CODE_BYTES = 2 };

/* half: of halves, else of integers. The factor of a trace of n samples; 1 where none of them is finite and not zero.
 */
float sp_scaled_factor(bool half, const float *row, size_t n);

/* Codes of a trace, and back; `codes` may be the first half of `row` for the former, the second for the latter. */
void sp_scaled_encode(bool half, float factor, const float *row, size_t n, uint16_t *codes);
void sp_scaled_decode(bool half, float factor, const uint16_t *codes, size_t n, float *row);

typedef struct sp_rounding {
  double error; /* the largest of a sample that is finite */
  bool coarse;  /* more than half of the samples that are not zero became fewer than SP_FEW_STEPS steps, since another
                   sample of the trace is so much larger */
} sp_rounding;

enum { SP_FEW_STEPS = 10 };

/* A trace becomes what is read of it once it has been stored, with scratch for n codes. */
sp_rounding sp_scaled_round(bool half, float *row, size_t n, uint16_t *codes);

#endif
