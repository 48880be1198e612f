/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to look at what an earlier run has done, when not all of it can be read again. Private to seisproc. */
#ifndef SEISPROC_SRC_INDEX_SPOTS_H
#define SEISPROC_SRC_INDEX_SPOTS_H

#include <stdint.h>

/* Spots at most, and bytes that are to be read at all of them: spots that do not fit are passed over. */
enum { SP_SPOTS = 16, SP_SPOT_BYTES = 128 << 20 };

/* Of first ... first + n - 1, numbers that are done (done[i] is not 0): evenly spaced among those, with the first and
 * the last of them; ascending. Returns how many. */
int sp_spots(const uint8_t *done, uint64_t first, uint64_t n, uint64_t spots[SP_SPOTS]);

#endif
