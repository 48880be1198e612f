/* SPDX-License-Identifier: BSD-3-Clause */
/* One value of a raw trace header, of any type that SEG-Y knows. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_HEADER_VALUE_H
#define SEISPROC_SRC_SEGY_HEADER_VALUE_H

#include "seisproc/segy.h"

/* Where in a SEG-Y trace header, from 0, N stands of a trace whose samples are meant to be multiplied by 2^-N: the
 * trace weighting factor, bytes 169-170 (SEG-Y rev 1). */
enum { SP_TRACE_WEIGHT = 168, SP_MOST_WEIGHT = 64 };

/* Integers alone are counts that need a factor; in files of floats that field is often anything, and is not heeded. */
static inline bool sp_segy_has_weights(sp_segy_kind kind, int format) {
  return kind == SP_KIND_SEGY && format != SP_FORMAT_IBM32 && format != SP_FORMAT_FLOAT32 &&
         format != SP_FORMAT_FLOAT64;
}

/* Of /segy: 1 where an import has multiplied samples by their traces' 2^-N. */
#define SP_WEIGHTED_ATTRIBUTE "weighted"

/* The value as a double; 64-bit integers are rounded. */
double sp_header_value_get(const uint8_t *at, sp_field_type type, sp_byte_order order);

/* Writes a value, rounded to the nearest that the type has, halves to even. False, and nothing written, where it is
 * beyond the type's range or not a number. */
bool sp_header_value_put(uint8_t *at, sp_field_type type, sp_byte_order order, double value);

#endif
