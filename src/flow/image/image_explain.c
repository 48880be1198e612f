/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc plan` says of an image job: how many contributions there are, and how long they take on this machine's
 * cores, measured on a small tile of the job's own kind. */
#include <math.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/memory.h"
#include "src/flow/image/image_state.h"

enum { TRIAL_COLUMNS = 16, TRIAL_RUNS = 3 };

/* Contributions a second of one core: the job's first traces over a few columns below them. */
static sp_status measure(const sp_image_shared *s, const sp_image_own *own, uint64_t n, double *rate) {
  sp_pstm_config config = s->config;
  const sp_pstm_tile tile = {{0, 0}, {TRIAL_COLUMNS, 1}};
  const uint32_t n_tau = config.grid.n_tau;
  float *velocity = NULL, *samples = NULL;
  sp_pstm *plan = NULL;
  sp_pstm_sums sums = {.shift = 0, .limit = INFINITY};
  sp_status status;
  const double none[2] = {0, 0};
  config.grid.n[0] = TRIAL_COLUMNS;
  config.grid.n[1] = 1;
  SP_TRY_GOTO(out, sp_calloc(n_tau, sizeof(float), "a trial", &velocity));
  SP_TRY_GOTO(out, sp_calloc(config.n_samples, sizeof(float), "a trial", &samples));
  SP_TRY_GOTO(out, sp_calloc((size_t)TRIAL_COLUMNS * n_tau, sizeof(int64_t), "a trial", &sums.sum));
  SP_TRY_GOTO(out, sp_calloc((size_t)TRIAL_COLUMNS * n_tau, sizeof(uint32_t), "a trial", &sums.hits));
  for (uint32_t i = 0; i < n_tau; i++) velocity[i] = s->least_velocity;
  samples[config.n_samples / 2] = 1e-6f;
  SP_TRY_GOTO(out, sp_pstm_create(&config, &tile, &(sp_pstm_model){velocity, NULL, NULL, 0}, 1, &plan));
  double reached = 0, best = INFINITY;
  for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) { /* the offsets of the job, midpoints on the tile */
    sp_pstm_trace t = own->traces[i % n].position;
    double origin[2];
    sp_pstm_grid_position(&config.grid, none, origin);
    for (int k = 0; k < 2; k++) {
      const double half = 0.5 * (t.receiver[k] - t.source[k]);
      t.source[k] = config.grid.origin[k] - half;
      t.receiver[k] = config.grid.origin[k] + half;
    }
    t.area = 1;
    reached += TRIAL_COLUMNS;
    sp_pstm_prepare(plan, 0, i, &t, samples);
  }
  for (int run = 0; run < TRIAL_RUNS; run++) {
    const double start = sp_now();
    for (uint32_t b = 0; b < sp_pstm_blocks(plan); b++) sp_pstm_add(plan, 0, b, &sums);
    best = fmin(best, sp_now() - start);
  }
  *rate = reached * n_tau / best;
out:
  sp_pstm_destroy(plan);
  sp_free(velocity);
  sp_free(samples);
  sp_free(sums.sum);
  sp_free(sums.hits);
  return status;
}

void sp_image_explain(const sp_flow_plan *plan, FILE *out) {
  const sp_image_shared *s = sp_image_shared_of(plan);
  const sp_image_own *own = plan->own;
  const sp_pstm_grid *grid = &s->config.grid;
  const double columns = (double)s->tile_n[0] * s->tile_n[1], mb = 1e-6;
  uint64_t used = 0;
  double rate = 0;
  for (uint32_t k = 0; k < s->n_classes; k++) used += s->classes[k].n_traces;
  fprintf(out,
          "image      %u x %u points of %.4g by %.4g m, x to %.4g degrees, %u times from %.4g ms every %.4g ms; %s\n",
          grid->n[0], grid->n[1], grid->step[0], grid->step[1], fmod(grid->azimuth + 360, 360), grid->n_tau,
          1e3 * grid->tau_0, 1e3 * grid->d_tau, s->config.line ? "2.5-D" : "3-D");
  fprintf(out, "           %u classes, %llu of %llu traces in one; %u tiles of %u x %u points\n", s->n_classes,
          (unsigned long long)used, (unsigned long long)plan->shape.n_traces, s->n_tiles, s->tile_n[0], s->tile_n[1]);
  const sp_pstm_tile all = {{0, 0}, {grid->n[0], grid->n[1]}};
  const double contributions = sp_image_pairs(s, own, &all) * grid->n_tau;
  fprintf(out, "           %.3g contributions within %.0f m%s", contributions, s->config.aperture,
          isnan(s->peak) ? ", after a pass over the traces that finds their peak" : "");
  if (used && measure(s, own, used, &rate) == SP_SUCCESS && rate > 0) {
    const double seconds = contributions / rate;
    fprintf(out, "; %.2f G a second a core here: %.3g core-%s", 1e-9 * rate, seconds < 1000 ? seconds : seconds / 3600,
            seconds < 1000 ? "seconds" : "hours");
  }
  const double tile_mb = mb * columns * grid->n_tau * 12, workers = (double)sp_image_group(s, own->n_teams, 0).count;
  fprintf(out,
          "\n           a worker's sums take %.0f MB, and its part of its group's up to the last snapshot %.0f MB; "
          "%s.image %.0f MB\n",
          tile_mb, tile_mb / workers, plan->job->output, mb * sp_image_state_bytes(s));
  if (s->n_tiles > 1) {
    fprintf(out, "           %u %s of workers, each with a tile of its own; %u rounds a class\n", s->n_groups,
            s->n_groups == 1 ? "group" : "groups", s->n_tiles / s->n_groups);
  }
  fprintf(out, "figures    none: an image is not the input less noise\n");
}
