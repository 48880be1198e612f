/* SPDX-License-Identifier: BSD-3-Clause */
/* How a file is laid out. What the headers declare is tried first; where it contradicts the file's size or what stands
 * at the bytes it leads to, the other bytes that hold the same number are tried, and what is used instead is said. */
#include "src/segy/segy_layout.h"

#include <math.h>
#include <stdio.h>

#include "seisproc/memory.h"
#include "src/segy/sample_order.h"
#include "src/segy/segy_columns.h"
#include "src/segy/segy_extent.h"

enum { MAX_GAP = 1 << 30 }; /* bytes between the last text and the first trace */

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
      .interval_us = sp_get_u16(b + SP_BINARY_INTERVAL, order),
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

/* --- candidates ----------------------------------------------------------------------------------------------- */

/* Rev 0 does not assign the field that later counts extended textual headers: there the bytes behind the file headers
 * comes first, unless a text stands there. */
static sp_status list_first_traces(const sp_segy_probe *probe, const sp_segy_layout *layout, declared *d,
                                   sp_candidates *c) {
  const uint64_t plain = probe->base + SP_SEGY_FILE_HEADER_BYTES;
  const bool assigned = layout->revision_major > 0 || d->rev2 || (d->n_texts > 0 && sp_stanza_is_text(probe, 0));
  uint64_t n_texts = d->n_texts > 0 ? (uint64_t)d->n_texts : 0, n_stanzas;
  if (d->n_texts == -1 && assigned) SP_TRY(sp_stanza_count_texts(probe, &n_texts));
  const uint64_t after_texts = plain + n_texts * SP_SEGY_TEXT_BYTES;
  if (d->rev2 && d->first_trace >= after_texts && d->first_trace - after_texts <= MAX_GAP) {
    sp_extent_offer_first_trace(probe, d->first_trace, c);
  }
  if (!assigned) sp_extent_offer_first_trace(probe, plain, c);
  sp_extent_offer_first_trace(probe, after_texts, c);
  sp_extent_offer_first_trace(probe, plain, c);
  SP_TRY(sp_stanza_count_all(probe, &n_stanzas));
  sp_extent_offer_first_trace(probe, plain + n_stanzas * SP_SEGY_TEXT_BYTES, c);
  d->n_texts = (int64_t)n_texts;
  return SP_SUCCESS;
}

static sp_status read_first_header(const sp_segy_probe *probe, uint64_t at, uint8_t header[SP_LARGEST_TRACE_HEADER]) {
  memset(header, 0, SP_LARGEST_TRACE_HEADER);
  const uint64_t left = probe->bytes - at;
  const size_t n = left < SP_LARGEST_TRACE_HEADER ? (size_t)left : SP_LARGEST_TRACE_HEADER;
  return sp_segy_read_at(probe->fd, probe->path, at, n, header);
}

/* Counts of samples: the binary header's, then what the first trace says at each byte where it may be, in the standard
 * header or in extension 1. */
static sp_status list_samples(const sp_segy_probe *probe, const sp_segy_layout *layout, const declared *d,
                              const sp_stanza *stanza, uint8_t *header, sp_candidates *c) {
  const int most = sizeof c->n_samples / sizeof c->n_samples[0];
  if (probe->hints->n_samples) {
    sp_extent_offer(c->n_samples, &c->n_sample_counts, most, probe->hints->n_samples, 1, UINT32_MAX);
    return SP_SUCCESS;
  }
  sp_extent_offer(c->n_samples, &c->n_sample_counts, most, d->wide_samples, 1, INT32_MAX);
  sp_extent_offer(c->n_samples, &c->n_sample_counts, most, d->samples, 1, UINT16_MAX);
  const sp_header_field *wide = sp_header_field_find(SP_BLOCK_EXTENSION1, "ns");
  uint32_t extensions = 0;
  for (int x = 0; x < c->n_extensions; x++) extensions = c->extensions[x] > extensions ? c->extensions[x] : extensions;
  for (int t = 0; t < c->n_first_traces; t++) {
    SP_TRY(read_first_header(probe, c->first_trace[t], header));
    const uint16_t extension1 = sp_segy_find_extension1(header, SP_TRACE_HEADER_BYTES * (1 + extensions));
    const double ns = sp_stanza_value(stanza, layout->order, "ns", header);
    if (extension1) {
      const uint32_t long_ns = sp_get_u32(header + extension1 + wide->byte - 1, layout->order);
      sp_extent_offer(c->n_samples, &c->n_sample_counts, most, long_ns, 1, UINT32_MAX);
    }
    if (ns >= 0 && ns <= UINT32_MAX) {
      sp_extent_offer(c->n_samples, &c->n_sample_counts, most, (int64_t)ns, 1, UINT32_MAX);
    }
  }
  if (c->n_sample_counts) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: no number of samples in the binary header or the first trace; --samples sets it",
                  probe->path);
}

static sp_status list_segy(const sp_segy_probe *probe, sp_segy_layout *layout, declared *d, sp_stanza *stanza,
                           uint8_t *header, sp_candidates *c) {
  SP_TRY(list_first_traces(probe, layout, d, c));
  if (!c->n_first_traces) {
    return SP_RAISE(SP_ERR_INPUT, "%s: ends inside its file headers: %lld extended textual headers are declared",
                    probe->path, (long long)d->n_texts);
  }
  c->n_trailers = d->trailers;
  c->n_declared_traces = d->n_traces;
  c->sample_bytes = sp_segy_format_bytes(layout->format);
  SP_TRY(sp_stanza_read(probe, (uint64_t)d->n_texts, layout, stanza));
  const int most = sizeof c->extensions / sizeof c->extensions[0];
  sp_extent_offer(c->extensions, &c->n_extensions, most, d->extensions[0], 0, SP_MAX_EXTENSIONS);
  sp_extent_offer(c->extensions, &c->n_extensions, most, d->extensions[1], 0, SP_MAX_EXTENSIONS);
  sp_extent_offer(c->extensions, &c->n_extensions, most, 0, 0, 0);
  return list_samples(probe, layout, d, stanza, header, c);
}

/* Where traces stand right behind the file headers as well as behind the declared texts, what stands there are traces,
 * since a text does not agree with the traces behind it. */
static void prefer_plain(const sp_segy_probe *probe, const sp_candidates *c, sp_segy_layout *layout, sp_extent *e) {
  const uint64_t plain = probe->base + SP_SEGY_FILE_HEADER_BYTES,
                 texts = (c->first_trace[0] - plain) / SP_SEGY_TEXT_BYTES;
  for (int t = 0; t < c->n_first_traces; t++) {
    sp_extent other = *e;
    other.first_trace = c->first_trace[t];
    if (other.first_trace == e->first_trace || (other.first_trace != plain && e->first_trace != plain)) continue;
    if (!sp_extent_fits(probe, c, &other) || !sp_extent_agrees(probe, &other)) continue;
    uint8_t count[2];
    if (sp_segy_read_at(probe->fd, probe->path, plain + 114, sizeof count, count)) return;
    const bool traces = sp_get_u16(count, layout->order) == e->n_samples;
    if (e->first_trace != plain && !traces) return; /* a text of zeros */
    if (e->first_trace != plain) *e = other;
    sp_segy_note(
        layout,
        "the field of extended textual headers (bytes 3505-3506) says %llu, and the file fits with and without "
        "them: read from byte %llu on",
        (unsigned long long)(texts ? texts : (c->first_trace[t] - plain) / SP_SEGY_TEXT_BYTES),
        (unsigned long long)e->first_trace + 1);
    return;
  }
}

/* --- files that fit nothing, or by accident ------------------------------------------------------------------ */

static sp_status refuse_or_cut(const sp_segy_probe *probe, sp_segy_layout *layout, const sp_extent *e) {
  if (probe->bytes == e->first_trace)
    return SP_RAISE(SP_ERR_INPUT, "%s: no traces after the file headers", probe->path);
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

/* Unless trace headers confirm it, an extent may fit by accident. */
static sp_status check_fit(const sp_segy_probe *probe, const sp_stanza *stanza, sp_extent_fit fit,
                           sp_segy_layout *layout, const sp_extent *e) {
  const size_t sample_bytes = sp_segy_format_bytes(layout->format);
  if (fit == SP_EXTENT_AGREES) return SP_SUCCESS;
  if (!probe->hints->n_samples && sp_extent_lengths_vary(probe, e, stanza, layout->order, sample_bytes)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: traces of varying length, which are not read; allowed is one number of samples",
                    probe->path);
  }
  return fit == SP_EXTENT_SIZE ? SP_SUCCESS : refuse_or_cut(probe, layout, e);
}

/* --- what was used instead ------------------------------------------------------------------------------------ */

/* Whether a field of 16 bits is all that keeps the binary header from saying what the extended field says. */
static bool is_cut_short(double wide, double plain) {
  return plain == 0 || (wide > INT16_MAX && (plain == INT16_MAX || plain == UINT16_MAX || plain == fmod(wide, 65536)));
}

static void note_differences(const sp_segy_probe *probe, const declared *d, const sp_candidates *c, const sp_extent *e,
                             sp_segy_layout *layout) {
  if (e->first_trace != c->first_trace[0] && !strstr(layout->notes, "fits with and without")) {
    sp_segy_note(layout, "headers say that the first trace is at byte %llu, the file shows byte %llu: used that",
                 (unsigned long long)c->first_trace[0], (unsigned long long)e->first_trace);
  }
  const uint64_t texts = d->n_texts > 0 ? (uint64_t)d->n_texts : 0;
  const uint64_t after_texts = probe->base + SP_SEGY_FILE_HEADER_BYTES + texts * SP_SEGY_TEXT_BYTES;
  if (layout->revision_major && after_texts > probe->bytes && e->first_trace == c->first_trace[0]) {
    sp_segy_note(layout, "headers say %llu extended textual headers, which end behind the file: read from byte %llu on",
                 (unsigned long long)texts, (unsigned long long)e->first_trace + 1);
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
  const double wide = (double)d->wide_samples;
  const bool differ = wide != d->samples && !is_cut_short(wide, d->samples);
  if (!probe->hints->n_samples && wide > 0 && (e->n_samples != wide || differ)) {
    sp_segy_note(layout,
                 "the binary header says %u samples a trace, its extended field %.0f, the file shows %u: used that",
                 d->samples, wide, e->n_samples);
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
  const double trace = dt < 0 ? 0 : sp_segy_column_value(layout, (size_t)dt, header);
  const double su = is_su && d1 >= 0 ? sp_segy_column_value(layout, (size_t)d1, header) * 1e6 : 0;
  /* above 32767 it may be meant as unsigned or be junk: taken where the traces say the same or nothing */
  const bool doubtful = d->interval_us > INT16_MAX && trace != 0 && trace != d->interval_us;
  const double said[] = {d->wide_interval_us, doubtful ? 0 : d->interval_us, doubtful && trace > INT16_MAX ? 0 : trace,
                         su};
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
  if (!is_su && (doubtful || !is_interval(d->interval_us)) && used != d->wide_interval_us) {
    sp_segy_note(layout, "the binary header says a sample interval of %g us, the first trace %g: used that",
                 d->interval_us, used);
  } else if (is_su && !is_interval(trace)) {
    sp_segy_note(layout, "sample interval dt %g us in the first trace: used d1, %g us", trace, used);
  }
  return used;
}

/* The extended interval overrides the binary header's. Where the first trace agrees with the latter, one of the two was
 * written by mistake, and nothing in the file tells which. */
static sp_status check_wide_interval(const sp_segy_probe *probe, sp_segy_layout *layout, const declared *d,
                                     const uint8_t *header) {
  const double wide = d->wide_interval_us, plain = d->interval_us;
  const int dt = sp_segy_column_find(layout, "dt");
  const double trace = dt < 0 ? 0 : sp_segy_column_value(layout, (size_t)dt, header);
  if (probe->hints->sample_interval_us > 0 || layout->sample_interval_us != wide) return SP_SUCCESS;
  if (is_cut_short(wide, plain) || fabs(wide - plain) < 1) return SP_SUCCESS;
  if (fabs(trace - plain) < 1) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: the extended sample interval (bytes 3273-3280) is %g us, the binary header's and the first "
                    "trace's %g us; --interval-ms sets the right one",
                    probe->path, wide, plain);
  }
  sp_segy_note(layout, "the binary header says a sample interval of %g us, its extended field %g: used that", plain,
               wide);
  return SP_SUCCESS;
}

/* --- both kinds ----------------------------------------------------------------------------------------------- */

static void keep_extent(const sp_extent *e, sp_segy_layout *layout) {
  layout->first_trace = e->first_trace;
  layout->n_traces = e->n_traces;
  layout->trace_bytes = e->trace_bytes;
  layout->trailer_bytes = e->trailer_bytes;
  layout->dropped_bytes = e->left_over;
  layout->header_bytes = sp_extent_header_bytes(e);
  layout->n_samples = e->n_samples;
}

static double first_value(const sp_segy_layout *layout, const char *name, const uint8_t *header) {
  const int column = sp_segy_column_find(layout, name);
  return column < 0 ? 0 : sp_segy_column_value(layout, (size_t)column, header);
}

static void note_time_scalar(sp_segy_layout *layout, const uint8_t *header) {
  const double scalar = first_value(layout, "scalt", header), delay = first_value(layout, "delrt", header);
  if (delay == 0 || scalar == 0 || fabs(scalar) == 1 || !sp_header_scale_is_legal((int)scalar)) return;
  sp_segy_note(layout,
               "bytes 215-216 hold %g, which SU does not define: taken as SEG-Y's scalar of times, so the first "
               "trace begins at %g ms",
               scalar, sp_header_scaled(delay, (int)scalar));
}

static sp_status finish(const sp_segy_probe *probe, const declared *d, const sp_stanza *stanza, uint8_t *header,
                        sp_segy_layout *layout) {
  SP_TRY(read_first_header(probe, layout->first_trace, header));
  SP_TRY(sp_segy_columns_set(probe, stanza, header, d->measurement, layout));
  layout->sample_interval_us = find_interval(probe, layout, d, header);
  SP_TRY(check_wide_interval(probe, layout, d, header));
  if (layout->kind == SP_KIND_SU) note_time_scalar(layout, header);
  return sp_segy_find_sample_order(probe, layout);
}

static sp_status layout_segy(const sp_segy_probe *probe, uint8_t *header, sp_stanza *stanza, sp_segy_layout *layout) {
  declared d;
  sp_candidates c = {0};
  sp_extent e;
  const uint64_t plain = probe->base + SP_SEGY_FILE_HEADER_BYTES;
  layout->text_is_ebcdic = sp_segy_text_is_ebcdic(probe->head, SP_SEGY_TEXT_BYTES);
  read_revision(probe->head + SP_SEGY_TEXT_BYTES, layout);
  read_declared(probe, layout, &d);
  SP_TRY(list_segy(probe, layout, &d, stanza, header, &c));
  const sp_extent_fit fit = sp_extent_choose(probe, &c, &e);
  SP_TRY(check_fit(probe, stanza, fit, layout, &e));
  if (fit == SP_EXTENT_AGREES) prefer_plain(probe, &c, layout, &e);
  if (!layout->revision_major && d.n_texts && e.first_trace == plain && !*layout->notes) {
    sp_segy_note(layout, "bytes 3505-3506, which revision 0 does not define, say %lld: read from byte %llu on",
                 (long long)d.n_texts, (unsigned long long)plain + 1);
  }
  if (e.first_trace != plain + (uint64_t)d.n_texts * SP_SEGY_TEXT_BYTES) {
    SP_TRY(sp_stanza_read(probe, (e.first_trace - plain) / SP_SEGY_TEXT_BYTES, layout, stanza));
  }
  note_differences(probe, &d, &c, &e, layout);
  keep_extent(&e, layout);
  return finish(probe, &d, stanza, header, layout);
}

static sp_status layout_su(const sp_segy_probe *probe, uint8_t *header, sp_stanza *stanza, sp_segy_layout *layout) {
  const declared d = {0};
  const sp_candidates c = {0};
  sp_extent e = {.n_samples = probe->hints->n_samples};
  stanza->n_words = 0;
  if (!e.n_samples) e.n_samples = sp_get_u16(probe->head + 114, layout->order);
  if (!e.n_samples || probe->bytes < SP_TRACE_HEADER_BYTES) {
    return SP_RAISE(SP_ERR_INPUT, "%s: no number of samples in bytes 115-116 of the first trace; --samples sets it",
                    probe->path);
  }
  e.trace_bytes = SP_TRACE_HEADER_BYTES + 4 * (uint64_t)e.n_samples;
  const sp_extent_fit fit = !sp_extent_fits(probe, &c, &e) ? SP_EXTENT_NONE
                            : sp_extent_agrees(probe, &e)  ? SP_EXTENT_AGREES
                                                           : SP_EXTENT_SIZE;
  SP_TRY(check_fit(probe, stanza, fit, layout, &e));
  keep_extent(&e, layout);
  return finish(probe, &d, stanza, header, layout);
}

sp_status sp_segy_find_layout(const sp_segy_probe *probe, sp_segy_layout *layout) {
  uint8_t *header = NULL;
  sp_stanza *stanza = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(SP_LARGEST_TRACE_HEADER, 1, "a trace header", &header));
  SP_TRY_GOTO(out, sp_calloc(1, sizeof *stanza, "a layout stanza", &stanza));
  status = layout->kind == SP_KIND_SEGY ? layout_segy(probe, header, stanza, layout)
                                        : layout_su(probe, header, stanza, layout);
out:
  sp_free(stanza);
  sp_free(header);
  return status;
}
