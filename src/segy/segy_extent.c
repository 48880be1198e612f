/* SPDX-License-Identifier: BSD-3-Clause */
/* Tries layouts of a file. A layout fits when the file's size is a whole number of its traces (and trailers); it is
 * believed when, besides, the trace headers that it leads to have the same scalars, units, counts and intervals. */
#include "src/segy/segy_extent.h"

enum { WALK_TRACES = 100000 };

uint32_t sp_extent_header_bytes(const sp_extent *e) {
  return SP_TRACE_HEADER_BYTES * (1 + e->extensions);
}

void sp_extent_offer(uint32_t *list, int *n, int most_items, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most || *n == most_items) return;
  for (int i = 0; i < *n; i++) {
    if (list[i] == value) return;
  }
  list[(*n)++] = (uint32_t)value;
}

void sp_extent_offer_first_trace(const sp_segy_probe *probe, uint64_t value, sp_candidates *c) {
  const int most = sizeof c->first_trace / sizeof c->first_trace[0];
  if (value < probe->base + SP_SEGY_FILE_HEADER_BYTES || value > probe->bytes || c->n_first_traces == most) return;
  for (int i = 0; i < c->n_first_traces; i++) {
    if (c->first_trace[i] == value) return;
  }
  c->first_trace[c->n_first_traces++] = value;
}

bool sp_extent_fits(const sp_segy_probe *probe, const sp_candidates *c, sp_extent *e) {
  const uint64_t there = probe->bytes - e->first_trace, trailers = c->n_trailers > 0 ? (uint64_t)c->n_trailers : 0;
  e->n_traces = there / e->trace_bytes;
  e->left_over = there % e->trace_bytes;
  e->trailer_bytes = 0;
  const uint64_t declared_trailer = trailers * SP_SEGY_TEXT_BYTES, n_declared = c->n_declared_traces;
  if (trailers && declared_trailer < there && (there - declared_trailer) % e->trace_bytes == 0) {
    e->trailer_bytes = declared_trailer;
  } else if (e->left_over && n_declared && n_declared < e->n_traces + 1 && c->n_trailers) {
    e->trailer_bytes = there - n_declared * e->trace_bytes;
  } else if (e->left_over && c->n_trailers == -1) {
    for (uint64_t n = SP_SEGY_TEXT_BYTES; n < there && n < e->trace_bytes * SP_SEGY_TEXT_BYTES;
         n += SP_SEGY_TEXT_BYTES) {
      if ((there - n) % e->trace_bytes) continue;
      e->trailer_bytes = n;
      break;
    }
  }
  if (e->trailer_bytes) {
    e->n_traces = (there - e->trailer_bytes) / e->trace_bytes;
    e->left_over = 0;
  }
  return e->n_traces > 0 && e->left_over == 0;
}

bool sp_extent_agrees(const sp_segy_probe *probe, const sp_extent *e) {
  static const uint8_t at[] = {68, 70, 88, 114, 116}; /* scalel, scalco, counit, ns, dt */
  const uint64_t n = e->n_traces;
  const uint64_t trace[] = {0, n > 1, n / 2, n > 1 ? n - 2 : 0, n - 1};
  uint8_t first[SP_TRACE_HEADER_BYTES], other[SP_TRACE_HEADER_BYTES];
  for (size_t i = 0; i < sizeof trace / sizeof trace[0]; i++) {
    uint8_t *to = i ? other : first;
    if (sp_segy_read_at(probe->fd, probe->path, e->first_trace + trace[i] * e->trace_bytes, sizeof first, to)) {
      return false;
    }
    for (size_t k = 0; i && k < sizeof at; k++) {
      if (memcmp(first + at[k], other + at[k], 2)) return false;
    }
  }
  return true;
}

static sp_extent make_extent(const sp_candidates *c, int t, int x, int s) {
  sp_extent e = {.first_trace = c->first_trace[t], .extensions = c->extensions[x], .n_samples = c->n_samples[s]};
  e.trace_bytes = sp_extent_header_bytes(&e) + (uint64_t)e.n_samples * c->sample_bytes;
  return e;
}

sp_extent_fit sp_extent_choose(const sp_segy_probe *probe, const sp_candidates *c, sp_extent *out) {
  *out = make_extent(c, 0, 0, 0);
  const bool likeliest_fits = sp_extent_fits(probe, c, out);
  for (int t = 0; t < c->n_first_traces; t++) {
    for (int x = 0; x < c->n_extensions; x++) {
      for (int s = 0; s < c->n_sample_counts; s++) {
        sp_extent e = make_extent(c, t, x, s);
        if (!sp_extent_fits(probe, c, &e) || !sp_extent_agrees(probe, &e)) continue;
        *out = e;
        return SP_EXTENT_AGREES;
      }
    }
  }
  return likeliest_fits ? SP_EXTENT_SIZE : SP_EXTENT_NONE;
}

/* --- traces of several lengths -------------------------------------------------------------------------------- */

bool sp_extent_lengths_vary(const sp_segy_probe *probe, const sp_extent *e, const sp_stanza *stanza,
                            sp_byte_order order, size_t sample_bytes) {
  uint64_t at = e->first_trace;
  const uint64_t end = probe->bytes - e->trailer_bytes;
  uint32_t first = 0;
  bool vary = false;
  int i = 0;
  for (; i < WALK_TRACES && at < end; i++) {
    uint8_t header[SP_TRACE_HEADER_BYTES];
    if (end - at < sp_extent_header_bytes(e)) return false;
    if (sp_segy_read_at(probe->fd, probe->path, at, sizeof header, header)) return false;
    const double ns = sp_stanza_value(stanza, order, "ns", header);
    if (!(ns >= 1 && ns <= UINT32_MAX)) return false;
    if (i == 0) first = (uint32_t)ns;
    vary |= (uint32_t)ns != first;
    at += sp_extent_header_bytes(e) + (uint64_t)ns * sample_bytes;
  }
  return vary && (at == end || i == WALK_TRACES);
}

sp_status sp_segy_check_length(const sp_segy_layout *layout, int fd, const char *path, uint64_t trace,
                               const void *header) {
  static const uint8_t at[] = {68, 70, 88, 116}; /* scalel, scalco, counit, dt */
  const int column = sp_segy_column_find(layout, "ns");
  const double ns = column < 0 ? 0 : sp_segy_column_value(layout, (size_t)column, header);
  if (!(ns >= 1 && ns <= UINT32_MAX) || trace + 1 >= layout->n_traces) return SP_SUCCESS;
  const uint64_t start = layout->first_trace + trace * layout->trace_bytes;
  const uint64_t own = start + layout->header_bytes + (uint64_t)ns * sp_segy_format_bytes(layout->format);
  uint8_t by_own[SP_TRACE_HEADER_BYTES], by_layout[SP_TRACE_HEADER_BYTES];
  if (own + SP_TRACE_HEADER_BYTES > layout->file_bytes) return SP_SUCCESS;
  SP_TRY(sp_segy_read_at(fd, path, own, sizeof by_own, by_own));
  SP_TRY(sp_segy_read_at(fd, path, start + layout->trace_bytes, sizeof by_layout, by_layout));
  bool own_agrees = true, layout_agrees = true, says_something = false;
  for (size_t k = 0; k < sizeof at; k++) {
    const uint8_t *here = (const uint8_t *)header + at[k];
    own_agrees &= !memcmp(by_own + at[k], here, 2);
    layout_agrees &= !memcmp(by_layout + at[k], here, 2);
    says_something |= here[0] || here[1];
  }
  if (!own_agrees || layout_agrees || !says_something) return SP_SUCCESS;
  return SP_RAISE(
      SP_ERR_INPUT,
      "%s: traces of varying length, which are not read: trace %llu has %.0f samples, others %u; allowed is "
      "one number of samples",
      path, (unsigned long long)trace + 1, ns, layout->n_samples);
}
