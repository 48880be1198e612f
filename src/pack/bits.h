/* SPDX-License-Identifier: BSD-3-Clause */
/* Bit shuffle: bit b of byte k of all n elements together, in n / 8 bytes, for k = 0, 1, ... and b = 0 (the lowest) to
 * 7; bit i of such a byte is of the i-th of eight elements. n is a multiple of 8. The layout is that of a block of the
 * bitshuffle library (K. Masui et al., Astronomy and Computing 12, 2015). Private to src/pack.
 */
#ifndef SEISPROC_SRC_PACK_BITS_H
#define SEISPROC_SRC_PACK_BITS_H

#include <stddef.h>
#include <stdint.h>

void sp_bit_shuffle(size_t element, size_t n, const unsigned char *from, unsigned char *to);

/* Back again. */
void sp_bit_unshuffle(size_t element, size_t n, const unsigned char *from, unsigned char *to);

/* The same for as many of n elements of four bytes as one set of instructions takes at once; returns how many. */
typedef struct sp_bit_ops {
  size_t (*shuffle)(size_t n, const unsigned char *from, unsigned char *to);
  size_t (*unshuffle)(size_t n, const unsigned char *from, unsigned char *to);
} sp_bit_ops;
extern const sp_bit_ops sp_bit_ops_portable, sp_bit_ops_avx2;

#endif
