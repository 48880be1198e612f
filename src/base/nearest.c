/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { ROW = SP_NEAREST_LENGTH + 1 };

static unsigned smaller(unsigned a, unsigned b) {
  return a < b ? a : b;
}

static int same(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned sp_edit_distance(const char *a, size_t length_a, const char *b, size_t length_b) {
  if (length_a > SP_NEAREST_LENGTH || length_b > SP_NEAREST_LENGTH) return UINT_MAX;
  unsigned row[3][ROW] = {{0}}; /* rows i - 2, i - 1 and i of the table, in turn */
  for (size_t j = 0; j <= length_b; j++) row[0][j] = (unsigned)j;
  for (size_t i = 1; i <= length_a; i++) {
    unsigned *now = row[i % 3];
    const unsigned *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
    now[0] = (unsigned)i;
    for (size_t j = 1; j <= length_b; j++) {
      const int equal = same(a[i - 1], b[j - 1]);
      now[j] = smaller(up[j - 1] + !equal, smaller(up[j], now[j - 1]) + 1);
      if (i > 1 && j > 1 && !equal && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
        now[j] = smaller(now[j], up2[j - 2] + 1);
      }
    }
  }
  return row[length_a % 3][length_b];
}

void sp_nearest_offer(sp_nearest *nearest, const char *word, size_t length) {
  const size_t text_length = strlen(nearest->text);
  const unsigned distance = sp_edit_distance(nearest->text, text_length, word, length);
  /* One slip in a short word, two from five letters on, three from nine on: more is another word. */
  const size_t shorter = text_length < length ? text_length : length;
  if (distance > 1 + (unsigned)(shorter > 4) + (unsigned)(shorter > 8)) return;
  if (shorter < 2 || (nearest->best[0] && distance >= nearest->distance)) return;
  nearest->distance = distance;
  memcpy(nearest->best, word, length);
  nearest->best[length] = '\0';
}
