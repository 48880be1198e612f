/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to look at what an earlier run has done, when not all of it can be read again. Private to seisproc. */
#ifndef SEISPROC_SRC_INDEX_SPOTS_H
#define SEISPROC_SRC_INDEX_SPOTS_H

#include <stdint.h>

/* Spots at most, and bytes that are to be read at all of them. */
enum { SP_SPOTS = 16, SP_SPOT_BYTES = 128 << 20 };

/* What looking at a number reads, in bytes. */
typedef uint64_t sp_spot_bytes(const void *context, uint64_t number);

/* Of first ... first + n - 1, numbers that are done (done[i] is not 0): evenly spaced among those, with the first and
 * the last of them; ascending. Returns how many. Only such as take SP_SPOT_BYTES together, from all over the range, the
 * first before all others; where none is so small, the smallest alone, so that one is looked at whatever its size. */
int sp_spots(const uint8_t *done, uint64_t first, uint64_t n, sp_spot_bytes *bytes, const void *context,
             uint64_t spots[SP_SPOTS]);

#endif
