/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers as messages name them: by the header words that make them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/gather_index.h"

int64_t sp_gather_key_join(int64_t first, int64_t second) {
  return (int64_t)((uint64_t)first << 32 | (uint32_t)second);
}

void sp_gather_key_split(int64_t key, int64_t *first, int64_t *second) {
  *first = key >> 32;
  *second = (int32_t)(uint32_t)((uint64_t)key & UINT32_MAX);
}

const char *sp_gather_key_text(const char *key_name, int64_t key, char text[SP_GATHER_TEXT]) {
  const char *plus = strchr(key_name, '+');
  if (plus) {
    int64_t first, second;
    sp_gather_key_split(key, &first, &second);
    snprintf(text, SP_GATHER_TEXT, "%.*s %" PRId64 ", %s %" PRId64, (int)(plus - key_name), key_name, first, plus + 1,
             second);
  } else {
    snprintf(text, SP_GATHER_TEXT, "%s %" PRId64, *key_name && strcmp(key_name, "none") ? key_name : "key", key);
  }
  return text;
}

const char *sp_gather_text(const sp_gather_index *index, sp_global gather, char text[SP_GATHER_TEXT]) {
  char key[SP_GATHER_TEXT];
  const int n = snprintf(text, SP_GATHER_TEXT, "gather %" PRIu64, gather);
  if (!index->key) return text;
  snprintf(text + n, SP_GATHER_TEXT - (size_t)n, " (%.160s)",
           sp_gather_key_text(index->key_name, index->key[gather], key));
  return text;
}
