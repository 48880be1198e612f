/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean ...?": the word of a set that a mistyped one most likely stands for. */
#ifndef SEISPROC_NEAREST_H
#define SEISPROC_NEAREST_H

#include <stddef.h>

enum { SP_NEAREST_LENGTH = 63 };

/* A search under way. Set `text` and clear the rest, offer every candidate, then read `best`: empty where none is near
 * enough to be meant. Borrows `text`. */
typedef struct sp_nearest {
  const char *text;
  unsigned distance; /* of best; meaningless while best is empty */
  char best[SP_NEAREST_LENGTH + 1];
} sp_nearest;

/* Offers the first `length` bytes of `word`; of several as near, the first offered stays. Words longer than
 * SP_NEAREST_LENGTH are never near. */
void sp_nearest_offer(sp_nearest *nearest, const char *word, size_t length);

/* Edits (insert, delete, replace, swap two neighbours; case is free) that turn a into b: optimal string alignment,
 * after Damerau (1964). At most SP_NEAREST_LENGTH bytes each; longer words are at distance UINT_MAX. */
unsigned sp_edit_distance(const char *a, size_t length_a, const char *b, size_t length_b);

#endif
