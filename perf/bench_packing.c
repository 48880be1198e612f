/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing and unpacking of chunks on one core: ratio and GB/s of samples, by each codec.
 *
 *   bench_packing [--json] [FILE SAMPLES]     float32 traces of so many samples; 3000 x 1600 of noise unless told
 *
 * Times are of the processor (CLOCK_THREAD_CPUTIME_ID), so that other programs on the machine count less; best of
 * several turns. What is unpacked is compared: the same bits, or for zfp within 0.001 of the RMS of all samples.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "perf/bench.h"
#include "seisproc/memory.h"
#include "src/pack/packer.h"

enum { TURNS = 5, ROWS = 3000, SAMPLES = 1600, CHUNK_BYTES = 20 << 20 };
static const double BOUND = 1e-3;

typedef struct samples {
  float *rows;
  uint64_t n_rows, n_samples;
} samples;

static double cpu_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static samples make_noise(void) {
  samples s = {.n_rows = ROWS, .n_samples = SAMPLES};
  uint64_t state = 1;
  require(sp_alloc(s.n_rows * s.n_samples * sizeof(float), "samples", &s.rows));
  for (uint64_t i = 0; i < s.n_rows * s.n_samples; i++) {
    double sum = -6;
    for (int k = 0; k < 12; k++) sum += random_unit(&state);
    s.rows[i] = (float)(sum * exp(-1e-3 * (double)(i % SAMPLES)));
  }
  return s;
}

static samples read_samples(const char *path, uint64_t n_samples) {
  samples s = {.n_samples = n_samples};
  FILE *file = fopen(path, "rb");
  require_right(file && n_samples, "FILE and SAMPLES are to be a file of float32 and a number");
  fseek(file, 0, SEEK_END);
  s.n_rows = (uint64_t)ftell(file) / (n_samples * sizeof(float));
  rewind(file);
  require(sp_alloc(s.n_rows * n_samples * sizeof(float), "samples", &s.rows));
  require_right(fread(s.rows, n_samples * sizeof(float), s.n_rows, file) == s.n_rows, "the file ends early");
  fclose(file);
  return s;
}

static double rms(const samples *s) {
  double sum = 0;
  for (uint64_t i = 0; i < s->n_rows * s->n_samples; i++) sum += (double)s->rows[i] * s->rows[i];
  return sqrt(sum / (double)(s->n_rows * s->n_samples));
}

static void check(const samples *s, const float *back, uint64_t n, double bound) {
  if (bound == 0) require_right(!memcmp(s->rows, back, n * s->n_samples * sizeof(float)), "other bits came back");
  for (uint64_t i = 0; bound > 0 && i < n * s->n_samples; i++) {
    require_right(fabs((double)back[i] - s->rows[i]) <= bound, "an error beyond the bound");
  }
}

/* Of the first chunk: all rows, or as many as it holds. */
static void time_codec(figures *f, const samples *s, sp_codec codec, int level) {
  const double bound = codec == SP_CODEC_ZFP ? BOUND * rms(s) : 0;
  const uint64_t row = s->n_samples * sizeof(float), fits = CHUNK_BYTES / row;
  const sp_pack_how how = {.codec = codec, .level = level, .tolerance = 2 * bound, .zfp_dims = 2, .samples = true};
  double pack = INFINITY, unpack = INFINITY;
  sp_chunk_form form;
  sp_packer *packer;
  sp_packed_chunk chunk = {0};
  unsigned char *out;
  float *back;
  size_t n = 0;
  uint32_t skipped;
  char name[64];
  if (sp_codec_lacks(codec)) return;
  require(sp_chunk_form_make(&how, s->n_rows < fits ? s->n_rows : fits, s->n_samples, sizeof(float), &form));
  const double bytes = (double)sp_chunk_bytes(&form);
  require(sp_packer_create(&form, &packer));
  require(sp_calloc(1, sp_chunk_room(&form), "a packed chunk", &out));
  require(sp_calloc(1, sp_chunk_bytes(&form), "a chunk", &back));
  for (int turn = 0; turn < TURNS; turn++) {
    const double start = cpu_now();
    require(sp_packer_pack(packer, s->rows, false, out, &n, &skipped));
    const double packed = cpu_now();
    bool good = sp_packed_chunk_look(&chunk, &form, out, n, skipped);
    for (uint32_t u = 0; good && u < chunk.n_units; u++) {
      good = sp_packer_unpack(packer, &chunk, u, back + u * chunk.unit_rows * s->n_samples);
    }
    const double unpacked = cpu_now();
    require_right(good, "a chunk could not be unpacked");
    pack = fmin(pack, packed - start);
    unpack = fmin(unpack, unpacked - packed);
  }
  check(s, back, form.rows, bound);
  snprintf(name, sizeof name, "%s%.0d", sp_codec_name(codec), level);
  char label[96];
  snprintf(label, sizeof label, "%s bytes", name);
  figure(f, label, (double)n * 1e-6, "MB", "its samples", bytes / (double)n);
  snprintf(label, sizeof label, "%s pack", name);
  figure(f, label, 1e-9 * bytes / pack, "GB/s", "unpacking", unpack / pack);
  snprintf(label, sizeof label, "%s unpack", name);
  figure(f, label, 1e-9 * bytes / unpack, "GB/s", "packing", pack / unpack);
  sp_packed_chunk_free(&chunk);
  sp_free(back);
  sp_free(out);
  sp_packer_destroy(packer);
}

int main(int argc, char **argv) {
  const bool as_json = argc > 1 && !strcmp(argv[1], "--json");
  const int at = as_json ? 2 : 1;
  const samples s = argc > at + 1 ? read_samples(argv[at], strtoull(argv[at + 1], NULL, 10)) : make_noise();
  figures f = figures_begin("packing", as_json);
  time_codec(&f, &s, SP_CODEC_LZ4, 1);
  time_codec(&f, &s, SP_CODEC_ZSTD, 1);
  time_codec(&f, &s, SP_CODEC_ZSTD, 3);
  time_codec(&f, &s, SP_CODEC_ZFP, 0);
  figures_end(&f);
  sp_free(s.rows);
  return 0;
}
