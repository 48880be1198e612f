/* SPDX-License-Identifier: BSD-3-Clause */
/* Import and export of a SEG-Y file against a plain copy of the same bytes, and the order of 22.3 million traces.
 *
 *   import [--json] [--dir DIR] [--traces N] [--samples N] [--repeat N]
 *   mpirun -n 4 import ...                    all ranks take part in importing and exporting
 *
 * Every way is timed once a repetition, one after the other, and synced; figures are the medians. What is timed is
 * checked: the exported bytes are those that were imported. The file is big-endian IBM floats, in order by its gather
 * key and out of order by another.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/bench.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/export.h"
#include "seisproc/import.h"
#include "seisproc/memory.h"
#include "src/index/trace_order.h"
#include "src/segy/segy_bytes.h"

enum { ORDER_TRACES = 22324543, GATHER_TRACES = 3156, BLOCK = 4 << 20 };

typedef struct settings {
  bool json;
  const char *dir;
  int repeat, rank, ranks;
  uint64_t traces, samples;
  char input[4096], copy[4096], survey[4096], output[4096];
} settings;

typedef enum way { COPY, IMPORT, EXPORT, SORT, WAYS } way;

static void *get(size_t bytes, const char *what) {
  void *block;
  require(sp_alloc(bytes, what, &block));
  return block;
}

/* --- the file -------------------------------------------------------------------------------------------------------
 */

static void make_file_header(const settings *s, uint8_t *header) {
  memset(header, 0x40, SP_SEGY_TEXT_BYTES); /* blanks in EBCDIC */
  memset(header + SP_SEGY_TEXT_BYTES, 0, SP_SEGY_BINARY_BYTES);
  sp_put_u16(header + 3216, SP_ORDER_BIG, 2000);
  sp_put_u16(header + 3220, SP_ORDER_BIG, (uint16_t)s->samples);
  sp_put_u16(header + 3224, SP_ORDER_BIG, SP_FORMAT_IBM32);
  header[3500] = 1;
}

static void write_input(const settings *s) {
  const size_t bytes = 240 + 4 * s->samples;
  uint8_t *header = get(SP_SEGY_FILE_HEADER_BYTES, "file headers"), *trace = get(bytes, "a trace");
  float *samples = get(4 * s->samples, "samples");
  uint64_t state = 1;
  sp_segy_losses losses = {0};
  FILE *file = fopen(s->input, "wb");
  require_right(file != NULL, s->input);
  make_file_header(s, header);
  require_right(fwrite(header, SP_SEGY_FILE_HEADER_BYTES, 1, file) == 1, s->input);
  for (uint64_t i = 0; i < s->traces; i++) {
    memset(trace, 0, 240);
    sp_put_u32(trace + 8, SP_ORDER_BIG, (uint32_t)(i / GATHER_TRACES + 1));
    sp_put_u32(trace + 20, SP_ORDER_BIG, (uint32_t)(i % GATHER_TRACES / 4 + 1));
    sp_put_u16(trace + 114, SP_ORDER_BIG, (uint16_t)s->samples);
    sp_put_u16(trace + 116, SP_ORDER_BIG, 2000);
    /* 24 bits would not all survive in hexadecimal digits: 21 do, as in data that came from such a file */
    for (uint64_t k = 0; k < s->samples; k++) samples[k] = (float)rint((random_unit(&state) - 0.5) * 0x1p20) / 256;
    sp_segy_encode(SP_FORMAT_IBM32, SP_ORDER_BIG, samples, s->samples, trace + 240, &losses);
    require_right(fwrite(trace, bytes, 1, file) == 1, s->input);
  }
  require_right(!fflush(file) && !fsync(fileno(file)) && !fclose(file), s->input);
  sp_free(samples);
  sp_free(trace);
  sp_free(header);
}

static void copy_file(const settings *s) {
  uint8_t *block = get(BLOCK, "a block");
  const int from = open(s->input, O_RDONLY), to = open(s->copy, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  require_right(from >= 0 && to >= 0, s->copy);
  for (ssize_t n; (n = read(from, block, BLOCK)) != 0;)
    require_right(n > 0 && write(to, block, (size_t)n) == n, s->copy);
  require_right(!fsync(to), s->copy);
  close(from);
  close(to);
  sp_free(block);
}

static bool same_bytes(const char *a, const char *b) {
  uint8_t *x = get(BLOCK, "a block"), *y = get(BLOCK, "a block");
  FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
  require_right(f && g, b);
  bool same = true;
  for (size_t n = 1; n && same;) {
    n = fread(x, 1, BLOCK, f);
    same = fread(y, 1, BLOCK, g) == n && !memcmp(x, y, n);
  }
  fclose(f);
  fclose(g);
  sp_free(y);
  sp_free(x);
  return same;
}

/* --- timing ---------------------------------------------------------------------------------------------------------
 */

static void import_by(const settings *s, const char *key) {
  const sp_import_options options = {
      .input = s->input, .output = s->survey, .gather = {key}, .n_gather = 1, .quiet = true};
  require(sp_import(MPI_COMM_WORLD, &options));
}

static void write_way(const settings *s, way which) {
  const sp_export_options options = {.input = s->survey, .output = s->output, .dataset = "traces", .quiet = true};
  switch (which) {
  case COPY:
    if (s->rank == 0) copy_file(s);
    break;
  case IMPORT:
    import_by(s, "fldr");
    break;
  case EXPORT:
    require(sp_export(MPI_COMM_WORLD, &options));
    if (s->rank == 0) require_right(same_bytes(s->input, s->output), "what was exported is not what was imported");
    break;
  default:
    import_by(s, "cdp");
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

/* Exporting is timed by itself: comparing the bytes is not part of it. */
static double time_way(const settings *s, way which) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = sp_now();
  if (which == EXPORT) {
    const sp_export_options options = {.input = s->survey, .output = s->output, .dataset = "traces", .quiet = true};
    require(sp_export(MPI_COMM_WORLD, &options));
    MPI_Barrier(MPI_COMM_WORLD);
  } else {
    write_way(s, which);
  }
  return sp_now() - start;
}

static void time_all(const settings *s, double medians[WAYS]) {
  static double seconds[WAYS][BENCH_MAX_REPEAT];
  for (int w = 0; w < WAYS; w++) write_way(s, (way)w);
  for (int r = 0; r < s->repeat; r++) {
    for (int w = 0; w < WAYS; w++) seconds[w][r] = time_way(s, (way)w);
  }
  for (int w = 0; w < WAYS; w++) medians[w] = median(seconds[w], s->repeat);
}

static int by_word(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Gathers of a shuffled survey, sorted within by offset: the most that ordering can cost. */
static double time_order(void) {
  int32_t *cdp = get(ORDER_TRACES * sizeof *cdp, "keys"), *offset = get(ORDER_TRACES * sizeof *offset, "keys");
  uint64_t state = 5;
  for (uint64_t i = 0; i < ORDER_TRACES; i++) {
    cdp[i] = (int32_t)(random_unit(&state) * (ORDER_TRACES / GATHER_TRACES));
    offset[i] = (int32_t)(random_unit(&state) * 8000) - 4000;
  }
  const sp_key keys[] = {{.name = "cdp", .values = cdp}, {.name = "offset", .values = offset}};
  sp_order order;
  const double start = sp_now();
  require(sp_order_build("survey", keys, 1, 2, ORDER_TRACES, &order));
  const double seconds = sp_now() - start;
  for (uint64_t i = 1; i < ORDER_TRACES; i++) {
    const uint32_t a = order.source[i - 1], b = order.source[i];
    require_right(cdp[a] < cdp[b] || (cdp[a] == cdp[b] && offset[a] <= offset[b]), "the order is wrong");
  }
  sp_order_clear(&order);
  sp_free(offset);
  sp_free(cdp);
  return seconds;
}

/* What sorting trace numbers by one key takes with the C library. */
static double time_order_reference(void) {
  uint64_t *words = get(ORDER_TRACES * sizeof *words, "keys"), state = 5;
  for (uint64_t i = 0; i < ORDER_TRACES; i++) {
    const double gather = random_unit(&state) * (ORDER_TRACES / GATHER_TRACES);
    words[i] = (uint64_t)gather << 32 | i;
  }
  const double start = sp_now();
  qsort(words, ORDER_TRACES, sizeof *words, by_word);
  const double seconds = sp_now() - start;
  require_right(words[0] <= words[1], "the order is wrong");
  sp_free(words);
  return seconds;
}

static void print_all(const settings *s, const double seconds[WAYS], size_t import_rss, double order_seconds) {
  static const char *const names[] = {"copy", "import", "export", "import, sorted"};
  const double megabytes = 1e-6 * (double)s->traces * (240 + 4 * (double)s->samples);
  char title[64];
  snprintf(title, sizeof title, "import, %d rank%s", s->ranks, s->ranks > 1 ? "s" : "");
  figures f = figures_begin(title, s->json);
  for (int w = 0; w < WAYS; w++) {
    figure(&f, names[w], megabytes / seconds[w], "MB/s", "a plain copy", seconds[COPY] / seconds[w]);
  }
  figure(&f, "peak memory of importing", 1e-6 * (double)import_rss, "MB", "512 MB", (double)import_rss / 512e6);
  const double order_rss = (double)sp_peak_rss();
  figure(&f, "order of 22.3 M traces, two keys", order_seconds, "s", "qsort by one key",
         order_seconds / time_order_reference());
  figure(&f, "peak memory of that", 1e-6 * order_rss, "MB", "1 GB", order_rss / 1e9);
  figures_end(&f);
}

static void run(const settings *s) {
  double seconds[WAYS];
  if (s->rank == 0) write_input(s);
  MPI_Barrier(MPI_COMM_WORLD);
  time_all(s, seconds);
  if (s->rank) return;
  const size_t import_rss = sp_peak_rss();
  print_all(s, seconds, import_rss, time_order());
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  settings *s = state->input;
  switch (key) {
  case 'j':
    s->json = true;
    return 0;
  case 'd':
    s->dir = value;
    return 0;
  case 't':
    s->traces = strtoull(value, NULL, 10);
    if (s->traces < 1) argp_error(state, "--traces: at least 1");
    return 0;
  case 's':
    s->samples = strtoull(value, NULL, 10);
    if (s->samples < 1 || s->samples > UINT16_MAX) argp_error(state, "--samples: from 1 to 65535");
    return 0;
  case 'r':
    s->repeat = atoi(value);
    if (s->repeat < 1 || s->repeat > BENCH_MAX_REPEAT) argp_error(state, "--repeat: from 1 to %d", BENCH_MAX_REPEAT);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

int main(int argc, char **argv) {
  static const struct argp_option options[] = {
      {"json", 'j', NULL, 0, "One JSON object", 0},
      {"dir", 'd', "DIR", 0, "Where the files are made ($TMPDIR, or /tmp); four times the input's size", 0},
      {"traces", 't', "N", 0, "Traces of the input (160000)", 0},
      {"samples", 's', "N", 0, "Samples of a trace (1600)", 0},
      {"repeat", 'r', "N", 0, "Repetitions (3)", 0},
      {0},
  };
  static const struct argp argp = {
      options, parse_option, NULL, "Times importing and exporting SEG-Y against copying it.", NULL, NULL, NULL};
  settings s = {.repeat = 3, .traces = 160000, .samples = 1600, .dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"};
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  require(sp_comm_start(&argc, &argv));
  MPI_Comm_rank(MPI_COMM_WORLD, &s.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &s.ranks);
  int id = (int)getpid();
  MPI_Bcast(&id, 1, MPI_INT, 0, MPI_COMM_WORLD);
  char *const files[] = {s.input, s.copy, s.survey, s.output};
  static const char *const ends[] = {"in.sgy", "copy.sgy", "survey.h5", "out.sgy"};
  for (int i = 0; i < 4; i++) {
    snprintf(files[i], sizeof s.input, "%s/seisproc-bench-import-%d-%s", s.dir, id, ends[i]);
  }
  run(&s);
  for (int i = 0; i < 4 && s.rank == 0; i++) unlink(files[i]);
  sp_comm_finish();
  return 0;
}
