/* SPDX-License-Identifier: BSD-3-Clause */
/* Random gather indices for the tests of this folder. */
#ifndef SEISPROC_TESTS_INDEX_RANDOM_SURVEY_H
#define SEISPROC_TESTS_INDEX_RANDOM_SURVEY_H

#include <stdint.h>

#include "seisproc/gather_index.h"
#include "seisproc/memory.h"

static inline uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* From 0 up to but not including 1. */
static inline double random_unit(uint64_t *state) {
  return (double)(random_bits(state) >> 11) * 0x1p-53;
}

/* An index of n gathers with the sizes given. */
static inline sp_gather_index *index_of_sizes(const sp_local *traces, sp_global n) {
  void *block;
  if (sp_alloc((n + 1) * sizeof(sp_global), "test", &block)) return NULL;
  sp_global *first = block;
  first[0] = 0;
  for (sp_global g = 0; g < n; g++) first[g + 1] = first[g] + traces[g];
  sp_gather_index *index = NULL;
  return sp_gather_index_create("test", n, first[n], first, NULL, &index) ? NULL : index;
}

#endif
