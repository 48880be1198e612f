/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/index/spots.h"

#include <stdbool.h>

static int spread(const uint8_t *done, uint64_t first, uint64_t n, uint64_t spots[SP_SPOTS]) {
  uint64_t n_done = 0, at = 0;
  int count = 0;
  for (uint64_t i = first; i < first + n; i++) n_done += done[i] != 0;
  const uint64_t most = n_done < SP_SPOTS ? n_done : SP_SPOTS;
  for (uint64_t i = first; (uint64_t)count < most; i++) {
    if (!done[i]) continue;
    const uint64_t wanted = most > 1 ? (uint64_t)count * (n_done - 1) / (most - 1) : 0;
    if (at++ == wanted) spots[count++] = i;
  }
  return count;
}

/* Spots are tried in strides of STRIDE modulo the prime above SP_SPOTS: each once, and the first few lie far apart. */
static int keep_what_fits(sp_spot_bytes *bytes, const void *context, int count, uint64_t spots[SP_SPOTS]) {
  enum { STRIDE = 7, PRIME = SP_SPOTS + 1 };
  bool kept[SP_SPOTS] = {false};
  uint64_t size[SP_SPOTS], read = 0;
  int smallest = 0, n = 0;
  for (int i = 0; i < count; i++) {
    size[i] = bytes(context, spots[i]);
    if (size[i] < size[smallest]) smallest = i;
  }
  if (count) kept[smallest] = size[smallest] > SP_SPOT_BYTES;
  for (int k = 0; k < PRIME; k++) {
    const int i = k * STRIDE % PRIME;
    if (i >= count || size[i] > SP_SPOT_BYTES - read) continue;
    kept[i] = true;
    read += size[i];
  }
  for (int i = 0; i < count; i++) {
    if (kept[i]) spots[n++] = spots[i];
  }
  return n;
}

int sp_spots(const uint8_t *done, uint64_t first, uint64_t n, sp_spot_bytes *bytes, const void *context,
             uint64_t spots[SP_SPOTS]) {
  return keep_what_fits(bytes, context, spread(done, first, n, spots), spots);
}
