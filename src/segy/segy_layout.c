/* Where the traces of a file lie. What the headers declare is tried first; where it contradicts the file's size or what
 * stands at the places it leads to, the other places that hold the same number are tried, and what is used instead is
 * said. */
#include <stdio.h>

#include "seisproc/memory.h"
#include "src/segy/segy_probe.h"

enum {
  MAX_EXTENSIONS = 200,
  WALK_TRACES = 100000,
  MAX_GAP = 1 << 30, /* bytes between the last text and the first trace */
  LARGEST_TRACE_HEADER = SP_TRACE_HEADER_BYTES * (1 + MAX_EXTENSIONS),
};

static const double fallback_interval_us = 4000;

/* What the headers say, before it is known which of it is true. */
typedef struct declared {
  bool rev2;
  int64_t n_texts, wide_samples, extensions[2], trailers;
  uint64_t first_trace, n_traces;
  uint32_t samples;
  double interval_us, wide_interval_us;
  int measurement;
} declared;

/* One way to lay out the file. */
typedef struct extent {
  uint64_t first_trace, trace_bytes, n_traces, trailer_bytes, left_over;
  uint32_t extensions, n_samples;
} extent;

typedef struct candidates {
  uint64_t first_trace[4];
  uint32_t extensions[3], n_samples[4];
  int n_first_traces, n_extensions, n_sample_counts;
} candidates;

static uint32_t header_bytes_of(const extent *e) {
  return SP_TRACE_HEADER_BYTES * (1 + e->extensions);
}

/* --- the declaration ------------------------------------------------------------------------------------------ */

static void read_revision(const uint8_t *binary, sp_segy_layout *layout) {
  layout->revision_major = binary[SP_BINARY_REVISION];
  layout->revision_minor = binary[SP_BINARY_REVISION + 1];
  /* the two bytes are often written as one 16-bit number in the wrong order */
  const int major = layout->revision_major, minor = layout->revision_minor;
  if ((major == 0 && (minor == 1 || minor == 2)) || (major == 1 && minor == 2)) {
    layout->revision_major = minor;
    layout->revision_minor = major;
  }
}

static void read_declared(const sp_segy_probe *probe, sp_segy_layout *layout, declared *out) {
  const uint8_t *b = probe->head + SP_SEGY_TEXT_BYTES;
  const sp_byte_order order = layout->order;
  const bool marked = sp_get_u32(b + SP_BINARY_ORDER, order) == 0x01020304;
  *out = (declared){
      .rev2 = layout->revision_major == 2 || marked,
      .n_texts = sp_get_i16(b + SP_BINARY_TEXTS, order),
      .samples = sp_get_u16(b + SP_BINARY_SAMPLES, order),
      .interval_us = sp_get_i16(b + SP_BINARY_INTERVAL, order),
      .measurement = sp_get_i16(b + SP_BINARY_MEASUREMENT, order),
  };
  if (layout->revision_major > 2) {
    sp_segy_note(layout, "revision %d.%d is none that is known: read as %s", layout->revision_major,
                 layout->revision_minor, marked ? "2.1" : "1.0");
  }
  if (!out->rev2) return;
  out->wide_samples = sp_get_i32(b + SP_BINARY_WIDE_SAMPLES, order);
  out->wide_interval_us = sp_get_f64(b + SP_BINARY_WIDE_INTERVAL, order);
  out->extensions[0] = sp_get_u16(b + SP_BINARY_EXTENSIONS, order);
  out->extensions[1] = sp_get_u32(b + SP_BINARY_EXTENSIONS, order);
  out->n_traces = sp_get_u64(b + SP_BINARY_TRACES, order);
  out->first_trace = sp_get_u64(b + SP_BINARY_FIRST_TRACE, order);
  out->trailers = sp_get_i32(b + SP_BINARY_TRAILERS, order);
}

static void offer(uint32_t *list, int *n, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) return;
  for (int i = 0; i < *n; i++) {
    if (list[i] == value) return;
  }
  list[(*n)++] = (uint32_t)value;
}

static void offer_first_trace(const sp_segy_probe *probe, uint64_t value, candidates *c) {
  if (value < SP_SEGY_FILE_HEADER_BYTES || value > probe->bytes) return;
  for (int i = 0; i < c->n_first_traces; i++) {
    if (c->first_trace[i] == value) return;
  }
  c->first_trace[c->n_first_traces++] = value;
}

static sp_status list_first_traces(const sp_segy_probe *probe, declared *d, candidates *c) {
  uint64_t n_texts = d->n_texts > 0 ? (uint64_t)d->n_texts : 0;
  if (d->n_texts == -1) SP_TRY(sp_stanza_count_texts(probe, &n_texts));
  const uint64_t after_texts = SP_SEGY_FILE_HEADER_BYTES + n_texts * SP_SEGY_TEXT_BYTES;
  if (d->rev2 && d->first_trace >= after_texts && d->first_trace - after_texts <= MAX_GAP) {
    offer_first_trace(probe, d->first_trace, c);
  }
  offer_first_trace(probe, after_texts, c);
  offer_first_trace(probe, SP_SEGY_FILE_HEADER_BYTES, c);
  uint64_t n_stanzas;
  SP_TRY(sp_stanza_count_all(probe, &n_stanzas));
  offer_first_trace(probe, SP_SEGY_FILE_HEADER_BYTES + n_stanzas * SP_SEGY_TEXT_BYTES, c);
  d->n_texts = (int64_t)n_texts;
  return SP_SUCCESS;
}

static sp_status read_first_header(const sp_segy_probe *probe, uint64_t at, uint8_t header[LARGEST_TRACE_HEADER]) {
  memset(header, 0, LARGEST_TRACE_HEADER);
  const uint64_t left = probe->bytes - at;
  const size_t n = left < LARGEST_TRACE_HEADER ? (size_t)left : LARGEST_TRACE_HEADER;
  return sp_segy_read_at(probe->fd, probe->path, at, n, header);
}

/* --- trying an extent ----------------------------------------------------------------------------------------- */

/* Splits what follows the first trace's offset into whole traces, trailer and left-over bytes. */
static bool fits(const sp_segy_probe *probe, const declared *d, extent *e) {
  const uint64_t there = probe->bytes - e->first_trace, trailers = (uint64_t)(d->trailers > 0 ? d->trailers : 0);
  e->n_traces = there / e->trace_bytes;
  e->left_over = there % e->trace_bytes;
  e->trailer_bytes = 0;
  const uint64_t declared_trailer = trailers * SP_SEGY_TEXT_BYTES;
  if (trailers && declared_trailer < there && (there - declared_trailer) % e->trace_bytes == 0) {
    e->trailer_bytes = declared_trailer;
  } else if (e->left_over && d->n_traces && d->n_traces < e->n_traces + 1 && d->trailers) {
    e->trailer_bytes = there - d->n_traces * e->trace_bytes;
  } else if (e->left_over && d->trailers == -1) {
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

/* Whether the trace headers that this extent leads to agree in fields that are the same all over a file. */
static bool agree(const sp_segy_probe *probe, const extent *e) {
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

static extent make_extent(const candidates *c, int t, int x, int s, size_t sample_bytes) {
  extent e = {.first_trace = c->first_trace[t], .extensions = c->extensions[x], .n_samples = c->n_samples[s]};
  e.trace_bytes = header_bytes_of(&e) + (uint64_t)e.n_samples * sample_bytes;
  return e;
}

/* The first candidate that fits the file and whose trace headers agree; else the declared one, where it fits; else
 * false with the declared one in *out. */
static bool choose(const sp_segy_probe *probe, const declared *d, const candidates *c, size_t sample_bytes,
                   extent *out) {
  *out = make_extent(c, 0, 0, 0, sample_bytes);
  const bool declared_fits = fits(probe, d, out);
  for (int t = 0; t < c->n_first_traces; t++) {
    for (int x = 0; x < c->n_extensions; x++) {
      for (int s = 0; s < c->n_sample_counts; s++) {
        extent e = make_extent(c, t, x, s, sample_bytes);
        if (!fits(probe, d, &e) || !agree(probe, &e)) continue;
        *out = e;
        return true;
      }
    }
  }
  return declared_fits;
}

/* --- files that fit nothing ----------------------------------------------------------------------------------- */

/* Whether walking from trace to trace by each one's own sample count ends exactly at the file's end. */
static bool lengths_vary(const sp_segy_probe *probe, const extent *e, const sp_stanza *stanza, sp_byte_order order,
                         size_t sample_bytes) {
  uint64_t at = e->first_trace;
  uint32_t first = 0;
  bool vary = false;
  for (int i = 0; i < WALK_TRACES && at < probe->bytes; i++) {
    uint8_t header[SP_TRACE_HEADER_BYTES];
    if (probe->bytes - at < header_bytes_of(e)) return false;
    if (sp_segy_read_at(probe->fd, probe->path, at, sizeof header, header)) return false;
    const double ns = sp_stanza_value(stanza, order, "ns", header);
    if (!(ns >= 1 && ns <= UINT32_MAX)) return false;
    if (i == 0) first = (uint32_t)ns;
    vary |= (uint32_t)ns != first;
    at += header_bytes_of(e) + (uint64_t)ns * sample_bytes;
  }
  return vary && at == probe->bytes;
}

static sp_status refuse_or_cut(const sp_segy_probe *probe, const sp_stanza *stanza, sp_segy_layout *layout, extent *e) {
  const size_t sample_bytes = sp_segy_format_bytes(layout->format);
  if (probe->bytes == e->first_trace)
    return SP_RAISE(SP_ERR_INPUT, "%s: no traces after the file headers", probe->path);
  if (lengths_vary(probe, e, stanza, layout->order, sample_bytes)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: traces of varying length, which are not read; allowed is one number of samples",
                    probe->path);
  }
  if (e->n_traces == 0) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: no whole trace: %llu bytes after the file headers, a trace of %u samples is %llu", probe->path,
                    (unsigned long long)(probe->bytes - e->first_trace), e->n_samples,
                    (unsigned long long)e->trace_bytes);
  }
  if (!probe->hints->allow_truncated) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: truncated: after %llu traces of %u samples, %llu bytes of the next one's %llu are there; "
                    "--allow-truncated takes the whole ones",
                    probe->path, (unsigned long long)e->n_traces, e->n_samples, (unsigned long long)e->left_over,
                    (unsigned long long)e->trace_bytes);
  }
  sp_segy_note(layout, "truncated: used its %llu whole traces of %u samples, left out the last %llu bytes",
               (unsigned long long)e->n_traces, e->n_samples, (unsigned long long)e->left_over);
  return SP_SUCCESS;
}

/* --- what was used instead ------------------------------------------------------------------------------------ */

static void say_differences(const sp_segy_probe *probe, const declared *d, const candidates *c, const extent *e,
                            sp_segy_layout *layout) {
  if (e->first_trace != c->first_trace[0]) {
    sp_segy_note(layout, "headers say that the first trace is at byte %llu, the file shows byte %llu: used that",
                 (unsigned long long)c->first_trace[0], (unsigned long long)e->first_trace);
  }
  if (d->rev2 && d->first_trace && d->first_trace != e->first_trace && d->first_trace != c->first_trace[0]) {
    sp_segy_note(layout, "headers say that the first trace is at byte %llu, which cannot be: used %llu",
                 (unsigned long long)d->first_trace, (unsigned long long)e->first_trace);
  }
  if (e->extensions != c->extensions[0]) {
    sp_segy_note(layout, "headers say %u trace header extensions, the file shows %u: used that", c->extensions[0],
                 e->extensions);
  }
  if (!probe->hints->n_samples && d->samples && e->n_samples != d->samples && !(d->wide_samples > 0)) {
    sp_segy_note(layout, "the binary header says %u samples a trace, the file shows %u: used that", d->samples,
                 e->n_samples);
  }
  if (d->rev2 && d->n_traces && d->n_traces != e->n_traces) {
    sp_segy_note(layout, "headers say %llu traces, the file holds %llu: used those", (unsigned long long)d->n_traces,
                 (unsigned long long)e->n_traces);
  }
  if (d->trailers > 0 && (uint64_t)d->trailers * SP_SEGY_TEXT_BYTES != e->trailer_bytes) {
    sp_segy_note(layout, "headers say %lld trailer stanzas, the file holds %llu: used those", (long long)d->trailers,
                 (unsigned long long)(e->trailer_bytes / SP_SEGY_TEXT_BYTES));
  }
}

static bool is_interval(double us) {
  return us >= 1e-3 && us <= 1e9;
}

/* Sample interval: rev 2's wide field, the binary header's, the first trace's, SU's d1; the first that can be one. */
static double find_interval(const sp_segy_probe *probe, sp_segy_layout *layout, const declared *d,
                            const uint8_t *header) {
  if (probe->hints->sample_interval_us > 0) return probe->hints->sample_interval_us;
  const bool is_su = layout->kind == SP_KIND_SU;
  const int dt = sp_segy_column_find(layout, "dt"), d1 = sp_segy_column_find(layout, "d1");
  double trace = dt < 0 ? 0 : sp_segy_column_value(layout, (size_t)dt, header);
  if (is_su && trace < 0) trace += 65536; /* SU's dt is unsigned */
  const double su = is_su && d1 >= 0 ? sp_segy_column_value(layout, (size_t)d1, header) * 1e6 : 0;
  const double said[] = {d->wide_interval_us, d->interval_us, trace, su};
  double used = 0;
  for (int i = 0; i < 4 && !used; i++) used = is_interval(said[i]) ? said[i] : 0;
  if (!used) {
    sp_segy_note(
        layout,
        "sample interval %g us in the %s and %g us in the first trace cannot be: used %g us; --interval-ms sets it",
        is_su ? 0 : d->interval_us, is_su ? "file" : "binary header", trace, fallback_interval_us);
    return fallback_interval_us;
  }
  if (d->wide_interval_us && used != d->wide_interval_us) {
    sp_segy_note(layout, "extended sample interval %g us cannot be: used %g us", d->wide_interval_us, used);
  }
  if (!is_su && !is_interval(d->interval_us) && used != d->wide_interval_us) {
    sp_segy_note(layout, "the binary header says a sample interval of %g us, the first trace %g: used that",
                 d->interval_us, used);
  } else if (is_su && !is_interval(trace)) {
    sp_segy_note(layout, "sample interval dt %g us in the first trace: used d1, %g us", trace, used);
  }
  return used;
}

/* --- both kinds ----------------------------------------------------------------------------------------------- */

static void keep_extent(const extent *e, sp_segy_layout *layout) {
  layout->first_trace = e->first_trace;
  layout->n_traces = e->n_traces;
  layout->trace_bytes = e->trace_bytes;
  layout->trailer_bytes = e->trailer_bytes;
  layout->dropped_bytes = e->left_over;
  layout->header_bytes = header_bytes_of(e);
  layout->n_samples = e->n_samples;
}

static sp_status finish(const sp_segy_probe *probe, const declared *d, const sp_stanza *stanza, uint8_t *header,
                        sp_segy_layout *layout) {
  SP_TRY(read_first_header(probe, layout->first_trace, header));
  SP_TRY(sp_segy_columns_set(probe, stanza, header, d->measurement, layout));
  layout->sample_interval_us = find_interval(probe, layout, d, header);
  return SP_SUCCESS;
}

static sp_status list_segy(const sp_segy_probe *probe, sp_segy_layout *layout, declared *d, sp_stanza *stanza,
                           uint8_t *header, candidates *c) {
  SP_TRY(list_first_traces(probe, d, c));
  if (!c->n_first_traces) {
    return SP_RAISE(SP_ERR_INPUT, "%s: ends inside its file headers: %lld extended textual headers are declared",
                    probe->path, (long long)d->n_texts);
  }
  SP_TRY(sp_stanza_read(probe, (uint64_t)d->n_texts, layout, stanza));
  SP_TRY(read_first_header(probe, c->first_trace[0], header));
  offer(c->extensions, &c->n_extensions, d->extensions[0], 0, MAX_EXTENSIONS);
  offer(c->extensions, &c->n_extensions, d->extensions[1], 0, MAX_EXTENSIONS);
  offer(c->extensions, &c->n_extensions, 0, 0, 0);
  if (probe->hints->n_samples) {
    offer(c->n_samples, &c->n_sample_counts, probe->hints->n_samples, 1, UINT32_MAX);
    return SP_SUCCESS;
  }
  const double ns = sp_stanza_value(stanza, layout->order, "ns", header);
  offer(c->n_samples, &c->n_sample_counts, d->wide_samples, 1, INT32_MAX);
  offer(c->n_samples, &c->n_sample_counts, d->samples, 1, UINT16_MAX);
  offer(c->n_samples, &c->n_sample_counts, ns >= 0 && ns <= UINT32_MAX ? (int64_t)ns : 0, 1, UINT32_MAX);
  if (c->n_sample_counts) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: no number of samples in the binary header or the first trace; --samples sets it",
                  probe->path);
}

static sp_status layout_segy(const sp_segy_probe *probe, uint8_t *header, sp_stanza *stanza, sp_segy_layout *layout) {
  declared d;
  candidates c = {0};
  extent e;
  layout->text_is_ebcdic = sp_segy_text_is_ebcdic(probe->head, SP_SEGY_TEXT_BYTES);
  read_revision(probe->head + SP_SEGY_TEXT_BYTES, layout);
  read_declared(probe, layout, &d);
  SP_TRY(list_segy(probe, layout, &d, stanza, header, &c));
  if (!choose(probe, &d, &c, sp_segy_format_bytes(layout->format), &e)) {
    SP_TRY(refuse_or_cut(probe, stanza, layout, &e));
  }
  if (e.first_trace != c.first_trace[0]) {
    SP_TRY(sp_stanza_read(probe, (e.first_trace - SP_SEGY_FILE_HEADER_BYTES) / SP_SEGY_TEXT_BYTES, layout, stanza));
  }
  say_differences(probe, &d, &c, &e, layout);
  keep_extent(&e, layout);
  return finish(probe, &d, stanza, header, layout);
}

static sp_status layout_su(const sp_segy_probe *probe, uint8_t *header, sp_stanza *stanza, sp_segy_layout *layout) {
  const declared d = {0};
  extent e = {.n_samples = probe->hints->n_samples};
  stanza->n_places = 0;
  if (!e.n_samples) e.n_samples = sp_get_u16(probe->head + 114, layout->order);
  if (!e.n_samples || probe->bytes < SP_TRACE_HEADER_BYTES) {
    return SP_RAISE(SP_ERR_INPUT, "%s: no number of samples in bytes 115-116 of the first trace; --samples sets it",
                    probe->path);
  }
  e.trace_bytes = SP_TRACE_HEADER_BYTES + 4 * (uint64_t)e.n_samples;
  if (!fits(probe, &d, &e)) SP_TRY(refuse_or_cut(probe, stanza, layout, &e));
  keep_extent(&e, layout);
  return finish(probe, &d, stanza, header, layout);
}

int sp_segy_su_score(const sp_segy_probe *probe, sp_byte_order order) {
  const uint32_t ns = sp_get_u16(probe->head + 114, order);
  const uint64_t trace_bytes = SP_TRACE_HEADER_BYTES + 4 * (uint64_t)ns;
  const uint64_t n = probe->bytes / trace_bytes;
  if (!ns || !n) return 0;
  const bool whole = probe->bytes % trace_bytes == 0;
  for (uint64_t i = 1; i < n && i < 8; i++) {
    uint8_t at[2];
    if (sp_segy_read_at(probe->fd, probe->path, i * trace_bytes + 114, sizeof at, at)) return 0;
    if (sp_get_u16(at, order) != ns) return 0;
  }
  return whole ? 2 : n > 2;
}

sp_status sp_segy_find_layout(const sp_segy_probe *probe, sp_segy_layout *layout) {
  uint8_t *header = NULL;
  sp_stanza *stanza = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(LARGEST_TRACE_HEADER, 1, "a trace header", (void **)&header));
  SP_TRY_GOTO(out, sp_calloc(1, sizeof *stanza, "a layout stanza", (void **)&stanza));
  status = layout->kind == SP_KIND_SEGY ? layout_segy(probe, header, stanza, layout)
                                        : layout_su(probe, header, stanza, layout);
out:
  sp_free(stanza);
  sp_free(header);
  return status;
}
