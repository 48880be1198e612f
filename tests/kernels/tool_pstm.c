/* SPDX-License-Identifier: BSD-3-Clause */
/* Migrates for tests written in Python (tests/kernels/pstm_tool.py): serves requests on standard input until it ends.
 *
 * Request: a line of key=value words (below), then float64 traces [n][6] (source x y, receiver x y, start, area),
 * float32 samples [n][n_samples], float32 rows of velocity and, with eta=1, of eta and far, [rows][n_tau], and uint32
 * numbers of the batches in the order in which they are added. Reply: a line "ok SHIFT OVERFLOWS ABSENT ISA", then
 * int64 sums, uint32 hits and the float32 image; or "refused ...".
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pstm/pstm.h"
#include "seisproc/memory.h"

enum { MAX_LINE = 4096, MAX_THREADS = 16 };

typedef struct request {
  sp_pstm_config config;
  sp_pstm_tile tile;
  sp_pstm_model model;
  uint32_t n_traces, n_batches, rows;
  int threads, by_hits, shift_less;
  bool eta;
  sp_pstm_trace *traces;
  float *samples, *velocity;
  uint32_t *order;
} request;

typedef struct team {
  const request *r;
  sp_pstm *p;
  const sp_pstm_sums *sums;
  uint32_t batch;
  int thread;
  bool preparing;
  uint64_t overflows, absent;
} team;

static void *require(void *block) {
  if (!block) abort();
  return block;
}

static void read_all(void *to, size_t bytes) {
  if (fread(to, 1, bytes, stdin) != bytes) exit(2);
}

static double number(const char *line, const char *key, double otherwise) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, " %s=", key);
  const char *at = strstr(line, wanted);
  return at ? strtod(at + strlen(wanted), NULL) : otherwise;
}

static void parse(const char *line, request *r) {
  *r = (request){0};
  sp_pstm_config *c = &r->config;
  c->grid = (sp_pstm_grid){.origin = {number(line, "ox", 0), number(line, "oy", 0)},
                           .azimuth = number(line, "azimuth", 90),
                           .step = {number(line, "dx", 25), number(line, "dy", 25)},
                           .n = {(uint32_t)number(line, "nx", 1), (uint32_t)number(line, "ny", 1)},
                           .tau_0 = number(line, "tau0", 0.004),
                           .d_tau = number(line, "dtau", 0.004),
                           .n_tau = (uint32_t)number(line, "ntau", 1)};
  c->n_samples = (uint32_t)number(line, "samples", 0);
  c->interval_s = number(line, "dt", 0.004);
  c->oversample = (uint32_t)number(line, "oversample", 4);
  c->line = number(line, "line", 0) > 0;
  c->derivative = number(line, "derivative", 1) > 0;
  c->weights = (sp_pstm_weights)number(line, "weights", 0);
  c->antialias = number(line, "antialias", 1) > 0;
  c->spacing[0] = number(line, "spacing_x", 25);
  c->spacing[1] = number(line, "spacing_y", 25);
  c->aperture = number(line, "aperture", INFINITY);
  c->aperture_taper = number(line, "aperture_taper", 0.2);
  c->max_dip = number(line, "max_dip", 90);
  c->dip_taper = number(line, "dip_taper", 0);
  c->stretch = number(line, "stretch", 0);
  r->n_traces = (uint32_t)number(line, "traces", 0);
  r->rows = (uint32_t)number(line, "rows", 1);
  r->threads = (int)number(line, "threads", 1);
  r->by_hits = (int)number(line, "by_hits", 0);
  r->shift_less = (int)number(line, "shift_more", 0);
  r->eta = number(line, "eta", 0) > 0;
  r->n_batches = (r->n_traces + SP_PSTM_BATCH - 1) / SP_PSTM_BATCH;
  r->tile = (sp_pstm_tile){
      {(uint32_t)number(line, "tile_x", 0), (uint32_t)number(line, "tile_y", 0)},
      {(uint32_t)number(line, "tile_nx", c->grid.n[0]), (uint32_t)number(line, "tile_ny", c->grid.n[1])}};
}

static void receive(const char *line, request *r) {
  const size_t row = (size_t)r->rows * r->config.grid.n_tau;
  const size_t samples = (size_t)r->n_traces * r->config.n_samples;
  double *values = require(malloc(r->n_traces * 6 * sizeof *values));
  r->traces = require(calloc(r->n_traces, sizeof *r->traces));
  r->samples = require(malloc(samples * sizeof(float)));
  r->velocity = require(malloc(3 * row * sizeof(float)));
  r->order = require(malloc(r->n_batches * sizeof(uint32_t)));
  read_all(values, r->n_traces * 6 * sizeof *values);
  for (uint32_t i = 0; i < r->n_traces; i++) {
    const double *v = values + 6 * i;
    r->traces[i] = (sp_pstm_trace){{v[0], v[1]}, {v[2], v[3]}, v[4], v[5]};
  }
  free(values);
  read_all(r->samples, samples * sizeof(float));
  read_all(r->velocity, (r->eta ? 3 : 1) * row * sizeof(float));
  read_all(r->order, r->n_batches * sizeof(uint32_t));
  r->model = (sp_pstm_model){r->velocity, r->eta ? r->velocity + row : NULL, r->eta ? r->velocity + 2 * row : NULL,
                             r->rows > 1 ? r->config.grid.n_tau : 0};
}

static void *work(void *argument) {
  team *t = argument;
  const request *r = t->r;
  if (!t->preparing) {
    for (uint32_t b = (uint32_t)t->thread; b < sp_pstm_blocks(t->p); b += (uint32_t)r->threads) {
      t->overflows += sp_pstm_add(t->p, t->thread, b, t->sums);
    }
    return NULL;
  }
  for (uint32_t i = (uint32_t)t->thread; i < SP_PSTM_BATCH; i += (uint32_t)r->threads) {
    const uint32_t trace = t->batch * SP_PSTM_BATCH + i;
    if (trace >= r->n_traces) {
      sp_pstm_skip(t->p, i);
    } else {
      t->absent +=
          !sp_pstm_prepare(t->p, t->thread, i, &r->traces[trace], r->samples + (size_t)trace * r->config.n_samples);
    }
  }
  return NULL;
}

static void run_team(team *teams, int n, uint32_t batch, bool preparing) {
  pthread_t threads[MAX_THREADS];
  for (int i = 0; i < n; i++) {
    teams[i].batch = batch;
    teams[i].preparing = preparing;
    if (pthread_create(&threads[i], NULL, work, &teams[i])) abort();
  }
  for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

/* Shift and limit as a job would choose them. */
static void scale(const request *r, sp_pstm *p, sp_pstm_sums *sums) {
  double peak = 0, area = 0, latest = 0, velocity = INFINITY;
  for (uint32_t i = 0; i < r->n_traces; i++) {
    peak = fmax(peak, sp_pstm_peak(p, 0, r->samples + (size_t)i * r->config.n_samples)); /* fmax passes NAN over */
    area = fmax(area, r->traces[i].area);
    latest = fmax(latest, r->traces[i].start_s + r->config.n_samples * r->config.interval_s);
  }
  for (size_t i = 0; i < (size_t)r->rows * r->config.grid.n_tau; i++) velocity = fmin(velocity, (double)r->velocity[i]);
  sp_pstm_sums_scale(&r->config, r->n_traces, peak, area, velocity, latest, sums);
  sums->limit = ldexp(sums->limit, -r->shift_less);
}

static void migrate(const request *r, sp_pstm *p) {
  const size_t n = (size_t)r->tile.n[0] * r->tile.n[1] * r->config.grid.n_tau;
  sp_pstm_sums sums = {.sum = require(calloc(n, sizeof(int64_t))), .hits = require(calloc(n, sizeof(uint32_t)))};
  float *image = require(malloc(n * sizeof(float)));
  team teams[MAX_THREADS];
  scale(r, p, &sums);
  for (int i = 0; i < r->threads; i++) teams[i] = (team){.r = r, .p = p, .sums = &sums, .thread = i};
  const uint64_t allocations = sp_alloc_count();
  for (uint32_t b = 0; b < r->n_batches; b++) {
    run_team(teams, r->threads, r->order[b], true);
    run_team(teams, r->threads, r->order[b], false);
  }
  if (sp_alloc_count() != allocations) abort();
  uint64_t overflows = 0, absent = 0;
  for (int i = 0; i < r->threads; i++) overflows += teams[i].overflows, absent += teams[i].absent;
  sp_pstm_sums_finish(&sums, n, r->by_hits, image);
  printf("ok %d %llu %llu %s\n", sums.shift, (unsigned long long)overflows, (unsigned long long)absent, sp_pstm_isa(p));
  fwrite(sums.sum, sizeof(int64_t), n, stdout);
  fwrite(sums.hits, sizeof(uint32_t), n, stdout);
  fwrite(image, sizeof(float), n, stdout);
  free(sums.sum);
  free(sums.hits);
  free(image);
}

int main(void) {
  char line[MAX_LINE];
  while (fgets(line, sizeof line, stdin)) {
    request r;
    sp_pstm *p;
    parse(line, &r);
    receive(line, &r);
    if (sp_pstm_create(&r.config, &r.tile, &r.model, r.threads, &p) == SP_SUCCESS) {
      migrate(&r, p);
      sp_pstm_destroy(p);
    } else {
      printf("refused\n");
    }
    fflush(stdout);
    free(r.traces);
    free(r.samples);
    free(r.velocity);
    free(r.order);
  }
  return 0;
}
