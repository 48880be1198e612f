/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter of cubes on GPUs against the CPU's stages.
 *
 *   check_fkk            compares all cases, on one GPU, on several members of one GPU, and on as many GPUs as there
 *                        are (up to 4) through NCCL; a line a case, exit 1 where one differs
 *   check_fkk small      the small cases on one GPU, for tools that slow a program down
 *   check_fkk bench      times cubes on 1, 2 and 4 GPUs beside cuFFT's bare transforms and NCCL's bare exchange
 *   check_fkk bench 333  only those of so many columns
 *
 * Needs neither MPI nor HDF5. Says so and passes where there is no GPU.
 */
#include <cufft.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "kernels/fk/plane_stage.h"
#include "kernels/fk/trace_stage.h"
#include "kernels/fkk/cuda.h"
#include "kernels/fkk/fkk.h"
#include "seisproc/memory.h"
#include "src/device/group.h"
}

static const double DT = 0.004, DX = 25, DY = 20;
static const int MOST = 8;

static void need(sp_status status, const char *what) {
  if (status == SP_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, sp_status_name(status));
  _Exit(3);
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

struct cube_case {
  std::string options;
  uint32_t n_samples, nx, ny;
  double holes; /* share of the cells without a trace */
  uint32_t slab;
};

struct cube {
  sp_fk_filter filter;
  uint32_t n_samples, nx, ny, slab, n;
  std::vector<uint32_t> cell;
  std::vector<float> traces;
};

static sp_fk_filter parse(const cube_case &c) {
  sp_fkk_params params;
  char why[SP_WHY_SIZE];
  sp_processor_example(&sp_processor_fkk, &params);
  std::vector<char> text(c.options.begin(), c.options.end());
  text.push_back(0);
  for (char *word = strtok(text.data(), " "); word; word = strtok(NULL, " ")) {
    char *value = strchr(word, '=');
    *value++ = 0;
    need(sp_param_parse(sp_param_find(sp_processor_fkk.params, word), value, &params, why, sizeof why), why);
  }
  sp_fk_filter filter;
  sp_fkk_filter_of(&params, 37, 127, c.n_samples, DT, &filter);
  return filter;
}

/* White noise on cells in any order; a dead trace, a NaN and an infinity. */
static cube make_cube(const cube_case &c) {
  cube u = {parse(c), c.n_samples, c.nx, c.ny, c.slab, 0, {}, {}};
  std::mt19937 random(c.nx * 1000 + c.ny);
  std::normal_distribution<float> normal;
  for (uint32_t i = 0; i < c.nx * c.ny; i++) {
    if (random() >= c.holes * 4294967296.0) u.cell.push_back(i);
  }
  std::shuffle(u.cell.begin(), u.cell.end(), random);
  u.n = (uint32_t)u.cell.size();
  u.traces.resize((size_t)u.n * c.n_samples);
  for (float &x : u.traces) x = normal(random);
  if (u.n > 20) {
    std::fill_n(&u.traces[3 * (size_t)c.n_samples], c.n_samples, 0.0f);
    u.traces[5 * (size_t)c.n_samples + 7] = NAN;
    u.traces[11 * (size_t)c.n_samples] = -INFINITY;
  }
  return u;
}

/* --- on the CPU ------------------------------------------------------------------------------------------------- */

static bool is_live(const float *x, uint32_t n) {
  bool zero = true;
  for (uint32_t i = 0; i < n; i++) {
    if (!std::isfinite(x[i])) return false;
    zero = zero && x[i] == 0;
  }
  return !zero;
}

static std::vector<float> on_cpu(const cube &u) {
  const sp_fk_time_axis time = sp_fk_filter_time_axis(&u.filter);
  sp_fk_trace_stage *stage;
  sp_fk_plane plane = {};
  sp_fk_plane_plans plans;
  void *trace_work, *plane_work;
  need(sp_fk_trace_stage_create(&time, &stage), "stage");
  sp_fk_axis_set(&u.filter, u.nx, &plane.x);
  sp_fk_axis_set(&u.filter, u.ny, &plane.y);
  plane.grid = sp_fk_grid{time.padded, plane.x.padded, plane.y.padded, DT, DX, DY};
  need(sp_fk_plane_plans_create(plane.x.padded, plane.y.padded, &plans), "plans");
  plane.plans = &plans;
  need(sp_alloc(sp_fk_trace_stage_work(stage), "work", &trace_work), "work");
  need(sp_alloc(sp_fk_plane_work(plane.x.padded, plane.y.padded), "work", &plane_work), "work");
  std::vector<sp_fk_complex> rows((size_t)u.n * time.n_bins), row(u.n), bins(time.n_bins);
  for (uint32_t t = 0; t < u.n; t++) {
    const float *x = &u.traces[(size_t)t * u.n_samples];
    std::fill(bins.begin(), bins.end(), sp_fk_complex{0, 0});
    if (is_live(x, u.n_samples)) sp_fk_trace_forward(stage, trace_work, x, bins.data());
    for (uint32_t b = 0; b < time.n_bins; b++) rows[(size_t)b * u.n + t] = bins[b];
  }
  const sp_fk_cells cells = {u.n, u.cell.data(), NULL};
  for (uint32_t b = 0; b < time.n_bins; b++) {
    sp_fk_plane_filter(&plane, &u.filter.zone, time.first_bin + b, plane_work, &cells, &rows[(size_t)b * u.n]);
  }
  std::vector<float> removed((size_t)u.n * u.n_samples, 0);
  for (uint32_t t = 0; t < u.n; t++) {
    const float *x = &u.traces[(size_t)t * u.n_samples];
    for (uint32_t b = 0; b < time.n_bins; b++) bins[b] = rows[(size_t)b * u.n + t];
    if (is_live(x, u.n_samples)) sp_fk_trace_back(stage, trace_work, x, bins.data(), &removed[(size_t)t * u.n_samples]);
  }
  sp_fk_trace_stage_destroy(stage);
  sp_fk_plane_plans_destroy(&plans);
  sp_free(trace_work);
  sp_free(plane_work);
  return removed;
}

/* --- members of a group ----------------------------------------------------------------------------------------- */

/* All members on one GPU: they meet, and each copies what it is sent. */
struct meeting {
  std::mutex lock;
  std::condition_variable moved;
  int size, waiting = 0, round = 0;
  const void *send[MOST];
  const size_t *offset[MOST], *bytes[MOST];

  void meet() {
    std::unique_lock<std::mutex> held(lock);
    const int now = round;
    if (++waiting == size) {
      waiting = 0;
      round++;
      moved.notify_all();
    } else {
      moved.wait(held, [&] { return round != now; });
    }
  }
};

struct seat {
  meeting *place;
  int rank;
};

static sp_status copy_blocks(void *context, const void *send, const size_t *offset_to, const size_t *bytes_to,
                             void *receive, const size_t *offset_from, const size_t *bytes_from, void *stream) {
  const seat *s = (const seat *)context;
  meeting *m = s->place;
  SP_TRY(SP_CUDA(cudaStreamSynchronize((cudaStream_t)stream)));
  m->send[s->rank] = send;
  m->offset[s->rank] = offset_to;
  m->bytes[s->rank] = bytes_to;
  m->meet();
  for (int r = 0; r < m->size; r++) {
    if (m->bytes[r][s->rank] != bytes_from[r]) return SP_ERR_INTERNAL; /* what one sends the other must expect */
    SP_TRY(SP_CUDA(cudaMemcpyAsync((char *)receive + offset_from[r], (const char *)m->send[r] + m->offset[r][s->rank],
                                   bytes_from[r], cudaMemcpyDeviceToDevice, (cudaStream_t)stream)));
  }
  SP_TRY(SP_CUDA(cudaStreamSynchronize((cudaStream_t)stream)));
  m->meet();
  return SP_SUCCESS;
}

static sp_fkk_cuda_spec spec_of(const cube &u, int device, const sp_block_exchange *exchange) {
  return sp_fkk_cuda_spec{&u.filter, u.nx, u.ny, DX, DY, u.n, u.cell.data(), u.slab, device, exchange};
}

static void compute_share(const cube &u, int device, const sp_block_exchange *exchange, int rank, int size,
                          std::vector<float> *removed) {
  const sp_fkk_cuda_spec spec = spec_of(u, device, exchange);
  sp_fkk_cuda *c;
  need(sp_fkk_cuda_create(&spec, &c), "create");
  const uint32_t block = (u.n + size - 1) / size, begin = std::min(u.n, block * rank),
                 end = std::min(u.n, begin + block);
  for (uint32_t i = begin; i < end; i += u.slab) {
    need(sp_fkk_cuda_forward(c, i - begin, std::min(u.slab, end - i), &u.traces[(size_t)i * u.n_samples]), "forward");
  }
  need(sp_fkk_cuda_filter(c), "filter");
  for (uint32_t i = begin; i < end; i += u.slab) {
    need(sp_fkk_cuda_back(c, i - begin, std::min(u.slab, end - i), &u.traces[(size_t)i * u.n_samples],
                          &(*removed)[(size_t)i * u.n_samples]),
         "back");
  }
  need(sp_fkk_cuda_wait(c), "wait");
  sp_fkk_cuda_destroy(c);
}

static std::vector<float> on_one(const cube &u) {
  std::vector<float> removed((size_t)u.n * u.n_samples, -1);
  compute_share(u, 0, NULL, 0, 1, &removed);
  return removed;
}

static std::vector<float> on_members(const cube &u, int size) {
  std::vector<float> removed((size_t)u.n * u.n_samples, -1);
  meeting place;
  place.size = size;
  std::vector<std::thread> threads;
  for (int r = 0; r < size; r++) {
    threads.emplace_back([&, r] {
      seat s = {&place, r};
      const sp_block_exchange exchange = {&s, r, size, copy_blocks};
      compute_share(u, 0, &exchange, r, size, &removed);
    });
  }
  for (std::thread &t : threads) t.join();
  return removed;
}

/* Makes a group of `size` GPUs, a thread each, and has each do something; false where there is no NCCL. */
template <typename F> static bool with_group(int size, F what) {
  uint8_t id[SP_GROUP_ID_BYTES];
  char why[256] = "";
  if (sp_cuda_group.name(id, why, sizeof why) != SP_SUCCESS) {
    printf("skipped: %d GPUs: %s\n", size, why);
    return false;
  }
  std::vector<std::thread> threads;
  for (int r = 0; r < size; r++) {
    threads.emplace_back([&, r] {
      sp_block_exchange exchange = {};
      char said[256] = "";
      if (sp_cuda_group.create(id, r, size, r, NULL, &exchange, said, sizeof said) != SP_SUCCESS) {
        fprintf(stderr, "group of %d: %s\n", size, said);
        _Exit(3);
      }
      what(r, &exchange);
      sp_cuda_group.destroy(&exchange);
    });
  }
  for (std::thread &t : threads) t.join();
  return true;
}

/* --- comparing -------------------------------------------------------------------------------------------------- */

static double distance(const std::vector<float> &got, const std::vector<float> &expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < got.size(); i++) {
    error += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
    norm += (double)expected[i] * expected[i];
  }
  return std::sqrt(error / (norm > 0 ? norm : 1));
}

static bool report(const char *what, const cube_case &c, bool fine, double value) {
  printf("%-5s %-22s %ux%ux%u %s  %.2e\n", fine ? "ok" : "FAIL", what, c.n_samples, c.nx, c.ny, c.options.c_str(),
         value);
  return fine;
}

static bool check(const cube_case &c, int n_gpus) {
  const cube u = make_cube(c);
  const std::vector<float> expected = on_cpu(u), one = on_one(u);
  const double d = distance(one, expected);
  bool fine = report("cpu and gpu", c, std::isfinite(d) && d < 1e-5, d);
  for (int size : {2, 3, 5}) {
    fine = report("members: same bits", c, on_members(u, size) == one, size) && fine;
  }
  cube other = u; /* other slabs: the same bits */
  other.slab = u.slab / 2 + 1;
  fine = report("slabs: same bits", c, on_one(other) == one, other.slab) && fine;
  for (int size = 2; size <= n_gpus && size <= 4; size *= 2) {
    std::vector<float> removed((size_t)u.n * u.n_samples, -1);
    const bool there = with_group(
        size, [&](int r, const sp_block_exchange *exchange) { compute_share(u, r, exchange, r, size, &removed); });
    if (there) fine = report("GPUs: same bits", c, removed == one, size) && fine;
  }
  return fine;
}

static const cube_case cases[] = {
    {"vmax=2500", 120, 21, 14, 0, 50},
    {"vmax=2500 mode=pass pad=0", 128, 16, 16, 0, 1000},
    {"vmin=800 vmax=2500 azimuth=40 azimuth_width=80", 121, 33, 18, 0.1, 64},
    {"vmin=800 vmax=inf azimuth=250 azimuth_taper=0", 90, 20, 24, 0.3, 100},
    {"vmin=800 vmax=2500 azimuth=40 two_sided=true agc=40", 200, 17, 19, 0, 77},
    {"vmin=800 vmax=2500 f=[10,20,60,80] aliases=1 edge=zero", 150, 25, 12, 0.2, 33},
    {"vmax=1500 f=[0,0,40,50] agc=200 edge_traces=16", 301, 40, 30, 0.05, 256},
    {"vmax=2500", 100, 50, 1, 0, 20},
    {"vmax=2500 azimuth=120", 100, 1, 50, 0, 20},
    {"vmax=2500", 64, 9, 8, 0, 72},
    {"vmax=2500 azimuth=10", 40, 500, 7, 0.1, 300},
    {"vmax=2500 agc=20", 32, 9, 2000, 0.1, 999},
    {"vmax=2500 pad=0 edge=zero", 16, 8, 6000, 0, 4096},
    {"vmin=800 vmax=2500 pad=0 taper=0", 100, 64, 512, 0, 999},
    {"vmin=800 vmax=2500 pad=0 azimuth=40", 40, 1024, 32, 0.1, 4096},
};

/* --- bench ------------------------------------------------------------------------------------------------------ */

#include "tests/cuda/fkk_bench.h"

int main(int argc, char **argv) {
  int n_gpus = 0;
  if (cudaGetDeviceCount(&n_gpus) != cudaSuccess || n_gpus == 0) {
    printf("skipped: there is no GPU\n");
    return 0;
  }
  if (argc > 1 && !strcmp(argv[1], "bench")) {
    bench(n_gpus, argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0);
    return 0;
  }
  const bool small = argc > 1 && !strcmp(argv[1], "small");
  const uint32_t most = small ? 600 : UINT32_MAX; /* cells */
  bool fine = true;
  for (const cube_case &c : cases) {
    if (c.nx * c.ny <= most) fine = check(c, small ? 1 : n_gpus) && fine;
  }
  printf("%s\n", fine ? "all agree" : "SOME DIFFER");
  return fine ? 0 : 1;
}
