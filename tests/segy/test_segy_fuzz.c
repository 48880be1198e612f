/* SPDX-License-Identifier: BSD-3-Clause */
/* Damaged headers and cut files: nothing crashes, what is accepted is consistent and comes back byte for byte. */
/* timeout: 120 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/export.h"
#include "seisproc/import.h"
#include "seisproc/log.h"
#include "seisproc/segy.h"

enum { MAX_BYTES = 1 << 16, ROUNDS = 6000, ROUND_TRIP_EVERY = 40 };

typedef struct sample_file {
  uint8_t bytes[MAX_BYTES];
  size_t n, headers; /* bytes in all; bytes up to and with the first trace header */
} sample_file;

static char folder[256];

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void put(uint8_t *at, sp_byte_order order, int width, uint64_t v) {
  for (int i = 0; i < width; i++) {
    at[order == SP_ORDER_BIG ? width - 1 - i : i] = (uint8_t)(v >> (8 * i));
  }
}

static const char layout_stanza[] =
    "((SEG:Layout:text/xml))<?xml version=\"1.0\"?>\n<segy-layout name=\"mine\">\n<entry name=\"iline\" byte=\"9\" "
    "type=\"int4\"/><entry name='offset' byte='37' type='int4'/>\n<entry name=\"sht_x\" byte=\"73\" type=\"coor4\"/>"
    "<extension name=\"SEG00001\"><entry name=\"cdp\" byte=\"25\" type=\"int8\" if-non-zero=\"1\"/></extension>"
    "</segy-layout>";

/* Kind 0: rev 0, big-endian IBM; 1: rev 1, little-endian 2-byte, two texts; 2: rev 2.1, doubles, a stanza, texts that
 * end with EndText, extension 1, a trailer; 3: SU, big-endian; 4: the same, little-endian. */
static void make_file(int kind, sample_file *f) {
  memset(f, 0, sizeof *f);
  const sp_byte_order order = kind == 1 || kind == 4 ? SP_ORDER_LITTLE : SP_ORDER_BIG;
  const int ns = 12, n_traces = 9, extensions = kind == 2;
  const int format = kind == 0 ? 1 : kind == 1 ? 3 : kind == 2 ? 6 : 5;
  const size_t sample_bytes = sp_segy_format_bytes(format);
  if (kind < 3) {
    uint8_t *binary = f->bytes + SP_SEGY_TEXT_BYTES;
    memset(f->bytes, 0x40, SP_SEGY_TEXT_BYTES);
    put(binary + 16, order, 2, 2000);
    put(binary + 20, order, 2, (uint64_t)ns);
    put(binary + 24, order, 2, (uint64_t)format);
    binary[300] = (uint8_t)kind;
    put(binary + 304, order, 2, kind == 2 ? 0xffff : kind == 1 ? 2 : 0);
    f->n = SP_SEGY_FILE_HEADER_BYTES + (kind ? 2 : 0) * SP_SEGY_TEXT_BYTES;
    memset(f->bytes + SP_SEGY_FILE_HEADER_BYTES, ' ', f->n - SP_SEGY_FILE_HEADER_BYTES);
    if (kind == 2) {
      put(binary + 68, order, 4, (uint64_t)ns);
      put(binary + 96, order, 4, 0x01020304);
      put(binary + 306, order, 2, 1);
      put(binary + 312, order, 8, (uint64_t)n_traces);
      put(binary + 328, order, 4, 1);
      memcpy(f->bytes + SP_SEGY_FILE_HEADER_BYTES, layout_stanza, sizeof layout_stanza - 1);
      memcpy(f->bytes + SP_SEGY_FILE_HEADER_BYTES + SP_SEGY_TEXT_BYTES, "((SEG: EndText))", 16);
    }
  }
  uint64_t seed = 7 + (uint64_t)kind;
  for (int t = 0; t < n_traces; t++) {
    uint8_t *header = f->bytes + f->n;
    put(header + 8, order, 4, (uint64_t)(t / 3 + 1));
    put(header + 36, order, 4, (uint64_t)(t * 25));
    put(header + 70, order, 2, 0xfff6);
    put(header + 114, order, 2, (uint64_t)ns);
    put(header + 116, order, 2, 2000);
    if (extensions) memcpy(header + 240 + 232, "SEG00001", 8);
    f->n += (size_t)SP_TRACE_HEADER_BYTES * (size_t)(1 + extensions);
    if (t == 0) f->headers = f->n;
    for (size_t i = 0; i < (size_t)ns * sample_bytes; i++) f->bytes[f->n++] = (uint8_t)(next_random(&seed) >> 33);
  }
  if (kind == 2) {
    memset(f->bytes + f->n, ' ', SP_SEGY_TEXT_BYTES);
    memcpy(f->bytes + f->n, "((SEG: Tail))", 13);
    f->n += SP_SEGY_TEXT_BYTES;
  }
}

/* One to six changes where they hurt, and sometimes a cut. */
static void damage(sample_file *f, uint64_t *seed) {
  static const uint8_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0xfe, 0x28, '(', ')', '<', '>', '"', '=', '/'};
  const int n = 1 + (int)(next_random(seed) % 6);
  for (int i = 0; i < n; i++) {
    const uint64_t r = next_random(seed);
    size_t at = (size_t)(r >> 8) % f->headers;
    if (r % 3 == 0 && f->headers > 3700) at = SP_SEGY_TEXT_BYTES + (r >> 8) % SP_SEGY_BINARY_BYTES;
    if (r % 3 == 1) at = f->headers - SP_TRACE_HEADER_BYTES + (r >> 8) % SP_TRACE_HEADER_BYTES;
    const size_t width = (size_t)1 << next_random(seed) % 3;
    for (size_t k = at; k < at + width && k < f->n; k++) {
      f->bytes[k] = r >> 40 & 1 ? edges[next_random(seed) % sizeof edges] : (uint8_t)next_random(seed);
    }
  }
  if (next_random(seed) % 5 == 0) f->n = 1 + (size_t)(next_random(seed) % f->n);
}

static void write_file(const char *path, const sample_file *f) {
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(fwrite(f->bytes, 1, f->n, out), f->n);
  assert_int_equal(fclose(out), 0);
}

static void check_layout(const sp_segy_layout *l, size_t file_bytes) {
  const size_t sample_bytes = sp_segy_format_bytes(l->format);
  assert_true(sample_bytes > 0 && l->n_samples > 0 && l->n_traces > 0 && l->sample_interval_us > 0);
  assert_int_equal(l->header_bytes % SP_TRACE_HEADER_BYTES, 0);
  assert_true(l->trace_bytes == l->header_bytes + (uint64_t)l->n_samples * sample_bytes);
  assert_true(l->first_trace + l->n_traces * l->trace_bytes + l->trailer_bytes + l->dropped_bytes == file_bytes);
  assert_true(l->n_columns <= SP_SEGY_MAX_COLUMNS);
  for (size_t i = 0; i < l->n_columns; i++) {
    const sp_segy_column *c = &l->columns[i];
    assert_true(c->name[0] && memchr(c->name, 0, sizeof c->name));
    assert_true(c->at + sp_field_width((sp_field_type)c->type) <= l->header_bytes);
    if (c->wide_at) assert_true(c->wide_at + sp_field_width((sp_field_type)c->wide_type) <= l->header_bytes);
    assert_true(c->scalar < (int)l->n_columns);
  }
}

/* Integers with a weighting factor (bytes 169-170 of a trace header) beyond what can be one are refused. */
static bool is_refused(const sample_file *f, const sp_segy_layout *l) {
  const bool floats = l->format == 1 || l->format == 5 || l->format == 6;
  for (uint64_t t = 0; t < l->n_traces && l->kind == SP_KIND_SEGY && !floats; t++) {
    const uint8_t *at = f->bytes + l->first_trace + t * l->trace_bytes + 168;
    const int n = (int16_t)(l->order == SP_ORDER_BIG ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
    if (n < -64 || n > 64) return true;
  }
  return false;
}

/* In and out again: the same bytes, but for a partial trace that was left out. */
static void check_round_trip(const char *path, const sample_file *f, const sp_segy_layout *layout) {
  char survey[300], again[300];
  snprintf(survey, sizeof survey, "%s/survey.h5", folder);
  snprintf(again, sizeof again, "%s/again", folder);
  sp_import_options in = {.input = path, .output = survey, .hints = {.allow_truncated = true}, .quiet = true};
  if (is_refused(f, layout)) {
    assert_int_equal(sp_import(MPI_COMM_NULL, &in), SP_ERR_INPUT);
    in.ignore_weights = true;
  }
  assert_int_equal(sp_import(MPI_COMM_NULL, &in), SP_SUCCESS);
  const sp_export_options out = {.input = survey, .output = again, .dataset = "traces", .quiet = true};
  assert_int_equal(sp_export(MPI_COMM_NULL, &out), SP_SUCCESS);
  static uint8_t got[MAX_BYTES + 1];
  FILE *file = fopen(again, "rb");
  assert_non_null(file);
  const size_t n = fread(got, 1, sizeof got, file);
  fclose(file);
  assert_int_equal(n, f->n - layout->dropped_bytes);
  assert_memory_equal(got, f->bytes, n);
  unlink(survey);
  unlink(again);
}

static void damaged_files(void **state) {
  (void)state;
  static sample_file f;
  static sp_segy_layout layout;
  char path[300];
  snprintf(path, sizeof path, "%s/file", folder);
  uint64_t seed = 20240611;
  const char *chosen = getenv("SEISPROC_FUZZ_SEED"), *more = getenv("SEISPROC_FUZZ_ROUNDS");
  if (chosen) seed = strtoull(chosen, NULL, 10);
  const int rounds = more ? atoi(more) : ROUNDS;
  int accepted = 0, refused = 0;
  for (int round = 0; round < rounds; round++) {
    make_file(round % 5, &f);
    damage(&f, &seed);
    write_file(path, &f);
    const sp_segy_hints hints = {.allow_truncated = round % 2};
    const sp_status status = sp_segy_identify(path, &hints, &layout);
    if (status != SP_SUCCESS) {
      assert_int_equal(status, SP_ERR_INPUT);
      refused++;
      continue;
    }
    check_layout(&layout, f.n);
    if (++accepted % ROUND_TRIP_EVERY == 0) check_round_trip(path, &f, &layout);
  }
  assert_true(accepted > rounds / 4 && refused > rounds / 20);
}

/* Every length at which a cut can matter, and one byte either side of it. */
static void cut_files(void **state) {
  (void)state;
  static sample_file f;
  static sp_segy_layout layout;
  char path[300];
  snprintf(path, sizeof path, "%s/file", folder);
  for (int kind = 0; kind < 5; kind++) {
    make_file(kind, &f);
    const size_t whole = f.n;
    for (size_t n = 1; n < whole; n += n < 3000 ? 61 : n < f.headers ? 7 : 1) {
      f.n = n;
      write_file(path, &f);
      for (int allow = 0; allow < 2; allow++) {
        const sp_segy_hints hints = {.allow_truncated = allow};
        if (sp_segy_identify(path, &hints, &layout) == SP_SUCCESS) check_layout(&layout, n);
      }
    }
  }
}

static void undamaged_files(void **state) {
  (void)state;
  static sample_file f;
  static sp_segy_layout layout;
  char path[300];
  snprintf(path, sizeof path, "%s/file", folder);
  for (int kind = 0; kind < 5; kind++) {
    make_file(kind, &f);
    write_file(path, &f);
    /* samples are random bytes, of which no order can be told */
    const sp_segy_hints hints = {.sample_order = kind == 1 || kind == 4 ? SP_ORDER_LITTLE : SP_ORDER_BIG};
    assert_int_equal(sp_segy_identify(path, &hints, &layout), SP_SUCCESS);
    assert_string_equal(layout.notes, "");
    assert_int_equal(layout.n_traces, 9);
    assert_int_equal(layout.n_samples, 12);
    check_layout(&layout, f.n);
    check_round_trip(path, &f, &layout);
  }
}

int main(void) {
  /* in memory where that can be: importing syncs its output, and a disk makes hundreds of that slow */
  const char *tmp = getenv("SEISPROC_TEST_TMP");
  snprintf(folder, sizeof folder, "/dev/shm/seisproc-fuzz-XXXXXX");
  if (!mkdtemp(folder)) {
    snprintf(folder, sizeof folder, "%s/fuzz-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) return 1;
  }
  FILE *nowhere = fopen("/dev/null", "w");
  sp_log_set_stream(nowhere);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(undamaged_files),
      cmocka_unit_test(damaged_files),
      cmocka_unit_test(cut_files),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  char path[300];
  snprintf(path, sizeof path, "%s/file", folder);
  unlink(path);
  rmdir(folder);
  sp_log_set_stream(NULL);
  fclose(nowhere);
  return failed;
}
