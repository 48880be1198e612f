/* SPDX-License-Identifier: BSD-3-Clause */
/* The CUDA backend of pstm against the CPU one.
 *
 *   check_pstm         compares all cases; a line a case, exit 1 where one differs
 *   check_pstm small   two small cases that launch every kind of kernel, for tools that slow a program down
 *
 * Needs neither MPI nor HDF5. Says so and passes where there is no GPU.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "kernels/pstm/cuda.h"
}

struct shape {
  const char *name;
  bool eta, lateral, line, antialias;
  sp_pstm_weights weights;
  double aperture, max_dip, dip_taper, stretch;
  bool by_tau;
  uint32_t n_tau, oversample;
};

static const shape shapes[] = {
    {"plain", false, false, false, false, SP_PSTM_TRUE, 1e9, 90, 0, 0, false, 300, 4},
    {"anti-alias and limits", false, true, false, true, SP_PSTM_TRUE, 450, 60, 10, 0, false, 300, 4},
    {"long column", false, false, false, true, SP_PSTM_TRUE, 450, 60, 10, 0, false, 1700, 4},
    {"odd column, coarse", false, true, false, true, SP_PSTM_TRUE, 450, 60, 0, 0, false, 97, 1},
    {"no anti-alias, limits", false, true, false, false, SP_PSTM_TRUE, 450, 60, 10, 0, false, 300, 8},
    {"eta", true, true, false, true, SP_PSTM_TRUE, 450, 60, 10, 0, false, 300, 4},
    {"eta without anti-alias", true, false, false, false, SP_PSTM_TRUE, 450, 60, 10, 0, false, 300, 4},
    {"line", false, false, true, true, SP_PSTM_TRUE, 450, 60, 10, 0, false, 300, 4},
    {"line with eta", true, false, true, true, SP_PSTM_TRUE, 450, 60, 10, 0, false, 300, 4},
    {"gained", false, false, false, true, SP_PSTM_GAINED, 450, 60, 10, 0, false, 300, 4},
    {"none", false, false, false, true, SP_PSTM_NONE, 450, 90, 0, 0, false, 300, 4},
    {"stretch, aperture by tau", true, true, false, true, SP_PSTM_TRUE, 0, 50, 12, 1.6, true, 300, 4},
};

enum { SAMPLES = 500, TRACES = 200 };

static int failures = 0;

static void need(sp_status status, const char *what) {
  if (status == SP_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, sp_status_name(status));
  _Exit(3);
}

struct survey {
  sp_pstm_config config;
  sp_pstm_tile tile;
  sp_pstm_model model;
  std::vector<float> velocity, eta, far_, samples;
  std::vector<double> apertures;
  std::vector<sp_pstm_trace> traces;
  sp_pstm_sums scale;
  size_t n;
};

static void make_model(const shape &s, survey *v) {
  const size_t rows = s.lateral ? (size_t)v->tile.n[0] * v->tile.n[1] : 1;
  for (size_t r = 0; r < rows; r++) {
    for (uint32_t i = 0; i < s.n_tau; i++) {
      v->velocity.push_back(1900 + 2.0f * (float)i + 3.0f * (float)r);
      v->eta.push_back(0.03f + 1e-4f * (float)i);
      v->far_.push_back(1.1f + 1e-3f * (float)i);
    }
  }
  v->model = {v->velocity.data(), s.eta ? v->eta.data() : NULL, s.eta ? v->far_.data() : NULL,
              s.lateral ? (size_t)s.n_tau : 0};
}

static void make(const shape &s, survey *v) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> unit(-1, 1);
  sp_pstm_config *c = &v->config;
  *c = {};
  c->grid = {{500000, 6000000}, 63, {25, 30}, {s.line ? 33u : 11u, s.line ? 1u : 5u}, 0.1, 0.004, s.n_tau};
  c->n_samples = SAMPLES;
  c->interval_s = 0.004;
  c->oversample = s.oversample;
  c->line = s.line;
  c->derivative = true;
  c->weights = s.weights;
  c->antialias = s.antialias;
  c->spacing[0] = 25, c->spacing[1] = 40;
  c->aperture = s.aperture;
  c->aperture_taper = 0.25;
  c->max_dip = s.max_dip;
  c->dip_taper = s.dip_taper;
  c->stretch = s.stretch;
  for (uint32_t i = 0; i < s.n_tau; i++) v->apertures.push_back(200 + 2.0 * i);
  c->aperture_by_tau = s.by_tau ? v->apertures.data() : NULL;
  v->tile = {{1, 0}, {c->grid.n[0] - 1, c->grid.n[1]}};
  v->n = (size_t)v->tile.n[0] * v->tile.n[1] * s.n_tau;
  make_model(s, v);
  for (int i = 0; i < TRACES; i++) {
    const double x = 500100 + 400 * unit(random), y = 6000100 + 400 * unit(random);
    const double hx = 300 * unit(random), hy = 300 * unit(random);
    v->traces.push_back({{x - hx, y - hy}, {x + hx, y + hy}, 0.02 * (i % 3), i % 17 ? 500 + 200 * unit(random) : 0});
    for (int t = 0; t < SAMPLES; t++) v->samples.push_back(normal(random));
  }
  sp_pstm_sums_scale(c, TRACES, 3000, 700, 1900, 2.1, &v->scale);
}

static void run_cpu(const survey &v, std::vector<int64_t> *sum, std::vector<uint32_t> *hits) {
  sp_pstm *p;
  sp_pstm_sums sums = v.scale;
  need(sp_pstm_create(&v.config, &v.tile, &v.model, 1, &p), "plan on the CPU");
  sums.sum = sum->data();
  sums.hits = hits->data();
  for (uint32_t first = 0; first < TRACES; first += SP_PSTM_BATCH) {
    for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) {
      if (first + i < TRACES) {
        sp_pstm_prepare(p, 0, i, &v.traces[first + i], &v.samples[(size_t)(first + i) * SAMPLES]);
      } else {
        sp_pstm_skip(p, i);
      }
    }
    for (uint32_t b = 0; b < sp_pstm_blocks(p); b++) sp_pstm_add(p, 0, b, &sums);
  }
  sp_pstm_destroy(p);
}

/* Batches in the order given; with `pause`, sums are set aside in the middle, and copied while others are added to. */
static void run_gpu(const survey &v, const std::vector<uint32_t> &order, bool pause, std::vector<int64_t> *sum,
                    std::vector<uint32_t> *hits) {
  sp_pstm_gpu *g;
  uint64_t overflows;
  std::vector<int64_t> before(sum->size());
  std::vector<uint32_t> hits_before(hits->size());
  need(sp_pstm_gpu_create(&v.config, &v.tile, &v.model, 0, &g), "plan on the GPU");
  for (size_t b = 0; b < order.size(); b++) {
    const uint32_t first = order[b] * SP_PSTM_BATCH, n = std::min<uint32_t>(SP_PSTM_BATCH, TRACES - first);
    if (pause && b == order.size() / 2) {
      int64_t *device_sum;
      uint32_t *device_hits;
      bool beside;
      need(sp_pstm_gpu_swap(g, &device_sum, &device_hits, &beside), "swap");
      if (!beside) failures++, printf("  no room for other sums\n");
    }
    need(sp_pstm_gpu_add(g, &v.traces[first], &v.samples[(size_t)first * SAMPLES], n, v.scale.shift, v.scale.limit),
         "add");
    if (pause && b == order.size() / 2) {
      need(sp_pstm_gpu_part(g, 0, before.size(), before.data(), hits_before.data(), &overflows), "part");
    }
  }
  need(sp_pstm_gpu_read(g, sum->data(), hits->data(), &overflows), "read");
  for (size_t i = 0; i < before.size(); i++) {
    (*sum)[i] += before[i];
    (*hits)[i] += hits_before[i];
  }
  if (overflows) failures++, printf("  %llu sums beyond the limit\n", (unsigned long long)overflows);
  sp_pstm_gpu_destroy(g);
}

static double distance(const std::vector<int64_t> &a, const std::vector<int64_t> &b, size_t n_tau) {
  double worst = 0;
  for (size_t c = 0; c < a.size(); c += n_tau) {
    double error = 0, norm = 0;
    for (size_t i = c; i < c + n_tau; i++) {
      error += pow((double)a[i] - (double)b[i], 2);
      norm += pow((double)b[i], 2);
    }
    if (norm > 0) worst = std::max(worst, sqrt(error / norm));
  }
  return worst;
}

static void check(const shape &s) {
  survey v;
  make(s, &v);
  std::vector<int64_t> cpu(v.n), gpu(v.n), other(v.n);
  std::vector<uint32_t> cpu_hits(v.n), gpu_hits(v.n), other_hits(v.n);
  run_cpu(v, &cpu, &cpu_hits);
  run_gpu(v, {0, 1, 2, 3}, false, &gpu, &gpu_hits);
  run_gpu(v, {2, 0, 3, 1}, true, &other, &other_hits);
  size_t hits = 0, differ = 0;
  for (size_t i = 0; i < v.n; i++) hits += cpu_hits[i], differ += cpu_hits[i] != gpu_hits[i];
  const double far = distance(gpu, cpu, s.n_tau);
  const bool same = gpu == other && gpu_hits == other_hits;
  const bool right = far < 1e-4 && differ <= v.n / 10000 + 2 && same && hits > 0;
  failures += !right;
  printf("%-26s %s  distance %.1e, %zu of %zu hits, %zu samples count otherwise, other order %s\n", s.name,
         right ? "ok  " : "FAIL", far, hits, v.n, differ, same ? "same bits" : "DIFFERS");
}

int main(int argc, char **argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    printf("check_pstm: no GPU\n");
    return 0;
  }
  const bool small = argc > 1 && !strcmp(argv[1], "small");
  for (const shape &s : shapes) {
    if (!small || s.n_tau == 97 || s.by_tau) check(s);
  }
  printf(failures ? "check_pstm: %d cases differ\n" : "check_pstm: all agree\n", failures);
  return failures ? 1 : 0;
}
