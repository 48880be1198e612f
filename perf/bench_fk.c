/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter on one core, beside the bare transforms of the same sizes in the same run.
 *
 *   fk [--json]
 *
 * A gather (3000 x 1600) through `fk`, and planes of a cube, forward, mask and back. The reference runs FFTW's plans of
 * the same lengths (FFTW_ESTIMATE) on data that lies as they like it. What is timed is checked: a filter that takes
 * nothing returns its input, one that takes everything returns next to nothing. Times are medians; both take turns.
 */
#include <fftw3.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "kernels/fk/fk.h"
#include "kernels/fk/plane_stage.h"
#include "kernels/fk/trace_stage.h"
#include "seisproc/memory.h"

enum { REPEAT = 7, GATHER_TRACES = 3000, SAMPLES = 1600 };

static const double INTERVAL_S = 0.004;

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *allocate(size_t bytes) {
  void *block;
  require(sp_alloc(bytes, "the bench", &block));
  memset(block, 0, bytes);
  return block;
}

static void fill(float *x, size_t n) {
  uint64_t state = 1;
  for (size_t i = 0; i < n; i++) x[i] = (float)(random_unit(&state) - 0.5);
}

static double energy(const float *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
  return sum;
}

/* --- a gather ----------------------------------------------------------------------------------------------------- */

static sp_plan *plan_fk(double vmax, const char *f) {
  sp_fk_params params;
  char why[SP_WHY_SIZE];
  sp_param_set_defaults(sp_processor_fk.params, &params);
  params.common.vmax = vmax;
  params.spacing = 12.5;
  require(sp_param_parse(sp_param_find(sp_processor_fk.params, "f"), f, &params, why, sizeof why));
  const sp_geometry geometry = {
      .n_samples = SAMPLES, .max_traces = GATHER_TRACES, .sample_interval_s = INTERVAL_S, .n_threads = 1};
  sp_plan *plan;
  require(sp_fk_cpu.plan(&params, &geometry, &plan));
  return plan;
}

static double time_gather(const sp_plan *plan, const float *in, float *out) {
  const double start = cpu_seconds();
  const sp_block block = {.in = in, .out = out, .n_traces = GATHER_TRACES, .count = GATHER_TRACES};
  require_right(sp_fk_cpu.apply(plan, 0, &block) == SP_REASON_OK, "fk refuses the gather");
  return cpu_seconds() - start;
}

/* Transforms over time of every trace, each in its place, and across the traces at every frequency, there and back. */
static double time_bare_gather(uint32_t nt, uint32_t nx, uint32_t n_bins, float *samples, fftwf_complex *rows) {
  fftwf_complex *spectra = (fftwf_complex *)samples;
  const size_t row = nt + 8 - nt % 8;
  fftwf_plan there = fftwf_plan_dft_r2c_1d((int)nt, samples, spectra, FFTW_ESTIMATE);
  fftwf_plan back = fftwf_plan_dft_c2r_1d((int)nt, spectra, samples, FFTW_ESTIMATE);
  fftwf_plan along = fftwf_plan_dft_1d((int)nx, rows, rows, FFTW_FORWARD, FFTW_ESTIMATE);
  fftwf_plan return_along = fftwf_plan_dft_1d((int)nx, rows, rows, FFTW_BACKWARD, FFTW_ESTIMATE);
  const double start = cpu_seconds();
  for (int i = 0; i < GATHER_TRACES; i++) {
    fftwf_execute_dft_r2c(there, samples + i * row, (fftwf_complex *)(samples + i * row));
  }
  for (uint32_t i = 0; i < n_bins; i++) {
    fftwf_execute_dft(along, rows + (size_t)i * nx, rows + (size_t)i * nx);
    fftwf_execute_dft(return_along, rows + (size_t)i * nx, rows + (size_t)i * nx);
  }
  for (int i = 0; i < GATHER_TRACES; i++) {
    fftwf_execute_dft_c2r(back, (fftwf_complex *)(samples + i * row), samples + i * row);
  }
  const double seconds = cpu_seconds() - start;
  fftwf_destroy_plan(there);
  fftwf_destroy_plan(back);
  fftwf_destroy_plan(along);
  fftwf_destroy_plan(return_along);
  return seconds;
}

static void bench_gather(figures *f, const char *name, const char *band) {
  const size_t n = (size_t)GATHER_TRACES * SAMPLES;
  float *in = allocate(n * sizeof *in), *out = allocate(n * sizeof *out), *samples = allocate(2 * n * sizeof *samples);
  fftwf_complex *rows = allocate(2 * n * sizeof *rows);
  fill(in, n);
  sp_plan *plan = plan_fk(1500, band);
  sp_fk_params params;
  sp_fk_filter filter;
  sp_param_set_defaults(sp_processor_fk.params, &params);
  char why[SP_WHY_SIZE];
  require(sp_param_parse(sp_param_find(sp_processor_fk.params, "f"), band, &params, why, sizeof why));
  sp_fk_filter_of(&params, SAMPLES, INTERVAL_S, &filter);
  const uint32_t nx = sp_fk_padded_length(GATHER_TRACES, filter.pad, false);
  double filtered[REPEAT], bare[REPEAT];
  for (int i = 0; i < REPEAT; i++) {
    filtered[i] = time_gather(plan, in, out);
    bare[i] = time_bare_gather(filter.padded, nx, filter.n_bins, samples, rows);
  }
  const double left = energy(out, n) / energy(in, n);
  require_right(left > 0.01 && left < 0.99, "the filter takes all or nothing of white noise");
  const double ms = 1e3 * median(filtered, REPEAT);
  figure(f, name, ms, "ms", "the bare transforms", ms / (1e3 * median(bare, REPEAT)));
  sp_fk_cpu.destroy(plan);
  sp_free(in);
  sp_free(out);
  sp_free(samples);
  sp_free(rows);
}

/* --- planes of a cube --------------------------------------------------------------------------------------------- */

static void bench_plane(figures *f, const char *name, uint32_t nx, uint32_t ny, double vmax,
                        const sp_fk_sector *sector) {
  const sp_fk_common params = {.vmax = vmax, .taper = 0.2, .pad = 0.25, .edge = SP_FK_EDGE_DECAY, .edge_traces = 4};
  sp_fk_filter filter;
  sp_fk_filter_set(&params, sector, 90, 0, SAMPLES, INTERVAL_S, &filter);
  sp_fk_plane plane;
  sp_fk_plane_plans plans;
  sp_fk_axis_set(&filter, nx, &plane.x);
  sp_fk_axis_set(&filter, ny, &plane.y);
  plane.grid = (sp_fk_grid){
      .mt = filter.padded, .mx = plane.x.padded, .my = plane.y.padded, .dt = INTERVAL_S, .dx = 12.5, .dy = 25};
  require(sp_fk_plane_plans_create(plane.x.padded, plane.y.padded, &plans));
  plane.plans = &plans;
  const size_t n = (size_t)nx * ny, padded = (size_t)plane.x.padded * plane.y.padded;
  sp_fk_complex *row = allocate(n * sizeof *row), *spare = allocate(padded * sizeof *spare);
  void *work = allocate(sp_fk_plane_work(plane.x.padded, plane.y.padded));
  const sp_fk_cells cells = {.n_traces = (uint32_t)n};
  double filtered[REPEAT], bare[REPEAT], left = 0;
  for (int i = 0; i < REPEAT; i++) {
    fill(&row->re, 2 * n);
    const double before = energy(&row->re, 2 * n), start = cpu_seconds();
    sp_fk_plane_filter(&plane, &filter.zone, filter.padded / 8, work, &cells, row);
    filtered[i] = cpu_seconds() - start;
    left = energy(&row->re, 2 * n) / before;
    fill(&spare->re, 2 * padded);
    const double again = cpu_seconds();
    fftwf_execute_dft(plans.forward, (fftwf_complex *)spare, (fftwf_complex *)spare);
    fftwf_execute_dft(plans.back, (fftwf_complex *)spare, (fftwf_complex *)spare);
    bare[i] = cpu_seconds() - again;
  }
  require_right(left > 0.01 && left < 1, "the filter takes all or nothing of white noise");
  const double ms = 1e3 * median(filtered, REPEAT);
  figure(f, name, ms, "ms", "the bare transforms", ms / (1e3 * median(bare, REPEAT)));
  sp_fk_plane_plans_destroy(&plans);
  sp_free(row);
  sp_free(spare);
  sp_free(work);
}

int main(int argc, char **argv) {
  figures f = figures_begin("fk", argc > 1 && !strcmp(argv[1], "--json"));
  const sp_fk_sector sector = {.azimuth = 40, .width = 80, .taper = 15};
  bench_gather(&f, "fk_3000x1600", "[]");
  bench_gather(&f, "fk_3000x1600_to_60_hz", "[0,0,50,60]");
  bench_plane(&f, "plane_300x200", 300, 200, 3000, NULL);
  bench_plane(&f, "plane_521x1040", 521, 1040, 3000, NULL);
  bench_plane(&f, "plane_521x1040_sector", 521, 1040, 3000, &sector);
  figures_end(&f);
  return 0;
}
