/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether samples have the byte order of the headers, and the format that these say. Programs that swap bytes may swap
 * those of headers alone, or of samples alone. A float read in the wrong order has its exponent where the lowest digits
 * were: sizes then spread over the whole range, half of them beyond 1e-20 to 1e20, and seismic amplitudes do not.
 *
 * IBM floats and IEEE floats read as each other have amplitudes that may pass. What tells them apart is the first of
 * the six digits (base 16) of an IBM float's fraction, which is never 0; the same bits of an IEEE float, the last of
 * its exponent and the first three of its fraction, take all 16 values. */
#include "src/segy/sample_order.h"

#include <math.h>

#include "seisproc/memory.h"

enum { LOOK_TRACES = 16, LOOK_SAMPLES = 256, LEAST_SAMPLES = 32, LEAST_DIGITS = 1000 };

static const double smallest = 1e-20, largest = 1e20; /* amplitudes beyond are absurd */

typedef struct amplitudes {
  size_t n, n_absurd; /* samples that are not 0; those of them that are not finite, tiny or huge */
  size_t digit[16];   /* of them by bits 20 to 23 */
} amplitudes;

static double value(int format, sp_byte_order order, const uint8_t *raw) {
  float v;
  if (format == SP_FORMAT_FLOAT64) return sp_get_f64(raw, order);
  sp_segy_decode(format, order, raw, 1, &v);
  return (double)v;
}

static void count(double v, amplitudes *a) {
  const double size = fabs(v);
  if (size == 0) return;
  a->n++;
  a->n_absurd += !(size >= smallest && size <= largest);
}

static sp_status look(const sp_segy_probe *probe, const sp_segy_layout *layout, sp_byte_order orders[2],
                      amplitudes found[2]) {
  const size_t bytes = sp_segy_format_bytes(layout->format);
  const size_t n = layout->n_samples < LOOK_SAMPLES ? layout->n_samples : LOOK_SAMPLES;
  const uint64_t n_traces = layout->n_traces < LOOK_TRACES ? layout->n_traces : LOOK_TRACES;
  uint8_t raw[LOOK_SAMPLES * sizeof(double)];
  for (uint64_t i = 0; i < n_traces; i++) {
    const uint64_t trace = n_traces > 1 ? i * (layout->n_traces - 1) / (n_traces - 1) : 0;
    const uint64_t at =
        layout->first_trace + trace * layout->trace_bytes + layout->header_bytes + (layout->n_samples - n) / 2 * bytes;
    SP_TRY(sp_segy_read_at(probe->fd, probe->path, at, n * bytes, raw));
    for (size_t k = 0; k < n; k++) {
      for (int o = 0; o < 2; o++) count(value(layout->format, orders[o], raw + k * bytes), &found[o]);
      const uint32_t word = bytes == 4 ? sp_get_u32(raw + 4 * k, orders[0]) : 0;
      if (word) found[0].digit[word >> 20 & 15]++;
    }
  }
  return SP_SUCCESS;
}

/* Whether the samples are of the other of the two formats of 4 bytes. Values that are few, or of few kinds, do not
 * tell.
 */
static bool looks_like_other(int format, const amplitudes *a) {
  size_t n = 0, kinds = 0;
  for (int d = 0; d < 16; d++) n += a->digit[d];
  for (int d = 1; d < 16; d++) kinds += a->digit[d] * 200 >= n;
  if (n < LEAST_DIGITS || kinds < 15) return false;
  return format == SP_FORMAT_FLOAT32 ? a->digit[0] == 0 : format == SP_FORMAT_IBM32 && a->digit[0] * 40 >= n;
}

static void note_format(sp_segy_layout *layout, const amplitudes *a) {
  const bool is_ibm = layout->format == SP_FORMAT_IBM32;
  if (!looks_like_other(layout->format, a)) return;
  sp_segy_note(
      layout, "the header says %s (format %d), and samples look like %s (format %d): read as it says; --format sets it",
      sp_segy_format_name(layout->format), layout->format,
      sp_segy_format_name(is_ibm ? SP_FORMAT_FLOAT32 : SP_FORMAT_IBM32), is_ibm ? SP_FORMAT_FLOAT32 : SP_FORMAT_IBM32);
}

static const char *name(sp_byte_order order) {
  return order == SP_ORDER_BIG ? "big" : "little";
}

sp_status sp_segy_find_sample_order(const sp_segy_probe *probe, sp_segy_layout *layout) {
  sp_byte_order orders[2] = {layout->order, layout->order == SP_ORDER_BIG ? SP_ORDER_LITTLE : SP_ORDER_BIG};
  amplitudes found[2] = {{0}};
  const int format = layout->format;
  layout->sample_order = probe->hints->sample_order ? probe->hints->sample_order : layout->order;
  const bool is_float = format == SP_FORMAT_IBM32 || format == SP_FORMAT_FLOAT32 || format == SP_FORMAT_FLOAT64;
  if (probe->hints->sample_order || !is_float) return SP_SUCCESS;
  SP_TRY(look(probe, layout, orders, found));
  if (found[0].n < LEAST_SAMPLES || 4 * found[0].n_absurd <= found[0].n) {
    if (layout->kind == SP_KIND_SEGY && !probe->hints->format) note_format(layout, &found[0]);
    return SP_SUCCESS;
  }
  if (found[1].n >= LEAST_SAMPLES && 50 * found[1].n_absurd <= found[1].n) {
    layout->sample_order = orders[1];
    sp_segy_note(layout,
                 "headers are %s-endian, and samples make sense only as %s-endian: used that; --sample-endian "
                 "sets it",
                 name(orders[0]), name(orders[1]));
  } else {
    sp_segy_note(layout,
                 "%.0f %% of samples looked at are beyond 1e-20 to 1e20 as %s-endian %s; --format and "
                 "--sample-endian set what they are",
                 100.0 * (double)found[0].n_absurd / (double)found[0].n, name(orders[0]), sp_segy_format_name(format));
  }
  return SP_SUCCESS;
}
