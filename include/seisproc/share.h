/* SPDX-License-Identifier: BSD-3-Clause */
/* Work that is shared out: what a rank has of it, and the pieces in which that is gone through. */
#ifndef SEISPROC_SHARE_H
#define SEISPROC_SHARE_H

#include <stdint.h>

/* Consecutive items. */
typedef struct sp_share {
  uint64_t first, count;
} sp_share;

/* Of n items, those of rank `rank` of `size`: no two ranks differ by more than one. */
static inline sp_share sp_share_even(uint64_t n, int size, int rank) {
  const uint64_t ranks = (uint64_t)size, r = (uint64_t)rank, whole = n / ranks, rest = n % ranks;
  const uint64_t first = whole * r + rest * r / ranks, end = whole * (r + 1) + rest * (r + 1) / ranks;
  return (sp_share){first, end - first};
}

/* The same in blocks of equal size, with fewer or none for the last ranks: as fftw3-mpi has it. */
static inline sp_share sp_share_blocks(uint64_t n, int size, int rank) {
  const uint64_t block = (n + (uint64_t)size - 1) / (uint64_t)size, first = block * (uint64_t)rank;
  if (first >= n) return (sp_share){n, 0};
  return (sp_share){first, n - first < block ? n - first : block};
}

/* Items from `first` to before `end`, at most `most`. */
static inline sp_share sp_share_piece(uint64_t first, uint64_t end, uint64_t most) {
  const uint64_t left = first < end ? end - first : 0;
  return (sp_share){first, left < most ? left : most};
}

/* SP_EACH_PIECE (p, from, end, most) { ... } goes through items from ... end - 1 in pieces p of up to `most`. */
#define SP_EACH_PIECE(piece, from, end, most)                                                                          \
  for (sp_share piece = sp_share_piece(from, end, most); piece.count;                                                  \
       piece = sp_share_piece(piece.first + piece.count, end, most))

#endif
