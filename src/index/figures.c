/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of named figures as text and as sums of parts. */
#include "seisproc/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURE(type, kind, name, join)                                                                                 \
  {#name, SP_FIGURE_##kind, SP_JOIN_##join, offsetof(sp_gather_result, name), sizeof(type)},
static const sp_figure gather_figures[] = {SP_GATHER_FIGURES(FIGURE)};
#undef FIGURE

const sp_figure_list sp_gather_figures = {gather_figures, sizeof gather_figures / sizeof gather_figures[0],
                                          sizeof(sp_gather_result)};

enum { MAX_FIGURE_TEXT = 17 }; /* 16 digits and what separates */

static uint32_t join_uint32(sp_figure_join how, uint32_t a, uint32_t b) {
  switch (how) {
  case SP_JOIN_MAX:
    return a > b ? a : b;
  case SP_JOIN_MIN:
    return a < b ? a : b;
  case SP_JOIN_SUM:
    return a + b;
  }
  return a;
}

static double join_float64(sp_figure_join how, double a, double b) {
  switch (how) {
  case SP_JOIN_MAX:
    return a > b ? a : b;
  case SP_JOIN_MIN:
    return a < b ? a : b;
  case SP_JOIN_SUM:
    return a + b;
  }
  return a;
}

void sp_figures_join(const sp_figure_list *list, void *record, const void *part) {
  for (size_t i = 0; i < list->n; i++) {
    const sp_figure *f = &list->figures[i];
    char *const a = (char *)record + f->offset;
    const char *const b = (const char *)part + f->offset;
    if (f->type == SP_FIGURE_UINT32) {
      uint32_t x, y;
      memcpy(&x, a, sizeof x);
      memcpy(&y, b, sizeof y);
      x = join_uint32(f->join, x, y);
      memcpy(a, &x, sizeof x);
    } else if (f->type == SP_FIGURE_FLOAT32) {
      float x, y;
      memcpy(&x, a, sizeof x);
      memcpy(&y, b, sizeof y);
      x = (float)join_float64(f->join, (double)x, (double)y);
      memcpy(a, &x, sizeof x);
    } else if (f->type == SP_FIGURE_LEVELS) {
      for (size_t k = 0; k < f->bytes; k++) a[k] = (char)join_uint32(f->join, (uint8_t)a[k], (uint8_t)b[k]);
    } else {
      double x, y;
      memcpy(&x, a, sizeof x);
      memcpy(&y, b, sizeof y);
      x = join_float64(f->join, x, y);
      memcpy(a, &x, sizeof x);
    }
  }
}

size_t sp_figures_text_size(const sp_figure_list *list) {
  size_t size = list->n * MAX_FIGURE_TEXT + 1;
  for (size_t i = 0; i < list->n; i++) {
    if (list->figures[i].type == SP_FIGURE_LEVELS) size += 2 * list->figures[i].bytes;
  }
  return size;
}

/* Two digits a byte. */
static size_t format_levels(const unsigned char *levels, size_t n, char *text, size_t size) {
  size_t used = 0;
  for (size_t k = 0; k < n && used < size; k++) used += (size_t)snprintf(text + used, size - used, "%02x", levels[k]);
  return used;
}

size_t sp_figures_format(const sp_figure_list *list, const void *record, char *text, size_t size) {
  size_t used = 0;
  for (size_t i = 0; i < list->n && used < size; i++) {
    const sp_figure *f = &list->figures[i];
    uint64_t bits = 0;
    uint32_t word;
    if (f->type == SP_FIGURE_LEVELS) {
      used += (size_t)snprintf(text + used, size - used, "%s", i ? ":" : "");
      if (used < size)
        used += format_levels((const unsigned char *)record + f->offset, f->bytes, text + used, size - used);
      continue;
    }
    if (f->type != SP_FIGURE_FLOAT64) {
      memcpy(&word, (const char *)record + f->offset, sizeof word);
      bits = word;
    } else {
      memcpy(&bits, (const char *)record + f->offset, sizeof bits);
    }
    used += (size_t)snprintf(text + used, size - used, "%s%" PRIx64, i ? ":" : "", bits);
  }
  return used;
}

/* Hexadecimal digits in the one spelling that %x gives them. */
static bool parse_bits(const char **at, uint64_t *bits) {
  const size_t n = strspn(*at, "0123456789abcdef");
  if (n == 0 || n > 16 || (n > 1 && **at == '0')) return false;
  *bits = 0;
  for (size_t i = 0; i < n; i++, (*at)++) *bits = *bits << 4 | (uint64_t)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
  return true;
}

static bool parse_levels(const char **at, size_t n, char *levels) {
  static const char digits[] = "0123456789abcdef";
  if (strspn(*at, digits) != 2 * n) return false;
  for (size_t k = 0; k < n; k++, *at += 2) {
    levels[k] = (char)((strchr(digits, (*at)[0]) - digits) << 4 | (strchr(digits, (*at)[1]) - digits));
  }
  return true;
}

bool sp_figures_parse(const sp_figure_list *list, const char *text, const char **end, void *record) {
  char parsed[SP_MAX_RECORD] = {0};
  if (list->bytes > sizeof parsed) return false;
  const char *at = text;
  for (size_t i = 0; i < list->n; i++) {
    const sp_figure *f = &list->figures[i];
    uint64_t bits;
    if (i && *at++ != ':') return false;
    if (f->type == SP_FIGURE_LEVELS) {
      if (!parse_levels(&at, f->bytes, parsed + f->offset)) return false;
      continue;
    }
    if (!parse_bits(&at, &bits)) return false;
    if (f->type != SP_FIGURE_FLOAT64) {
      const uint32_t word = (uint32_t)bits;
      if (bits > UINT32_MAX) return false;
      memcpy(parsed + f->offset, &word, sizeof word);
    } else {
      memcpy(parsed + f->offset, &bits, sizeof bits);
    }
  }
  if (*at != ' ') return false;
  memcpy(record, parsed, list->bytes);
  *end = at;
  return true;
}

void sp_figures_names(const sp_figure_list *list, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < list->n && used < size; i++) {
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "", list->figures[i].name);
  }
}
