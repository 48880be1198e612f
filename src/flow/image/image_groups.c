/* SPDX-License-Identifier: BSD-3-Clause */
/* How many groups the workers of an image job make, each with a tile of its own, and what there is to do for a tile.
 *
 * Many groups add up less: the sums of a tile go round among the workers of its group only. One group has no tile that
 * others wait for: tiles have more or fewer traces within reach, and all are over before the next ones begin. Both are
 * counted in contributions, so that the choice follows from the job and the number of workers alone. */
#include <math.h>

#include "seisproc/memory.h"
#include "src/flow/image/image_flow.h"

/* Counted traces; contributions that a worker sums in the time in which a sample of its tile is added up over a group.
 */
enum { COUNTED = 2000, ADDING_UP = 30 };

/* Columns of a tile within the aperture of a trace. */
static double columns_reached(const sp_image_shared *s, const sp_pstm_tile *tile, const sp_pstm_trace *trace) {
  const sp_pstm_grid *grid = &s->config.grid;
  double source[2], receiver[2], n = 0;
  sp_pstm_trace_position(&s->config, trace, source, receiver);
  const double x = 0.5 * (source[0] + receiver[0]), y = 0.5 * (source[1] + receiver[1]), a = s->config.aperture;
  for (uint32_t iy = tile->first[1]; iy < tile->first[1] + tile->n[1]; iy++) {
    const double dy = iy * grid->step[1] - y, half = a * a - dy * dy;
    if (half < 0) continue;
    const double first = fmax(ceil((x - sqrt(half)) / grid->step[0]), tile->first[0]);
    const double last = fmin(floor((x + sqrt(half)) / grid->step[0]), tile->first[0] + tile->n[0] - 1.0);
    n += fmax(last - first + 1, 0);
  }
  return n;
}

double sp_image_pairs(const sp_image_shared *s, const sp_image_own *own, const sp_pstm_tile *tile) {
  uint64_t n = 0;
  double sum = 0, counted = 0;
  for (uint32_t k = 0; k < s->n_classes; k++) n += s->classes[k].n_traces;
  for (uint64_t i = 0; i < n; i += n / COUNTED + 1, counted++) {
    sum += columns_reached(s, tile, &own->traces[i].position);
  }
  return counted > 0 ? sum / counted * (double)n : 0;
}

/* Time of all tiles with so many groups, for pairs[n_tiles] of trace and column. */
static double time_of(const sp_image_shared *s, const double *pairs, int n_workers, uint32_t n_groups) {
  double time = 0;
  for (uint32_t tile = 0; tile < s->n_tiles; tile += n_groups) {
    double most = 0;
    for (uint32_t g = 0; g < n_groups; g++) {
      const sp_pstm_tile t = sp_image_tile(s, tile + g);
      const double size = (double)sp_share_even((uint64_t)n_workers, (int)n_groups, (int)g).count;
      const double columns = (double)t.n[0] * t.n[1] * s->n_classes;
      most = fmax(most, pairs[tile + g] / size + (size > 1 ? ADDING_UP * columns : 0));
    }
    time += most;
  }
  return time;
}

sp_status sp_image_choose_groups(const sp_plan_request *request, const sp_image_own *own, sp_image_shared *s) {
  const int asked = sp_image_params(request->job)->tile_groups;
  double *pairs = NULL, least = INFINITY;
  s->n_groups = 1;
  if (s->n_tiles == 1 || request->n_workers == 1 || asked == 1) return SP_SUCCESS;
  SP_TRY(sp_alloc(s->n_tiles * sizeof *pairs, "the tiles of an image", &pairs));
  for (uint32_t tile = 0; tile < s->n_tiles; tile++) {
    const sp_pstm_tile t = sp_image_tile(s, tile);
    pairs[tile] = sp_image_pairs(s, own, &t);
  }
  for (uint32_t n = 1; n <= s->n_tiles && n <= (uint32_t)request->n_workers; n++) {
    if (s->n_tiles % n || (asked != SP_PARAM_AUTO && n > (uint32_t)asked)) continue;
    const double time = time_of(s, pairs, request->n_workers, n);
    if (asked == SP_PARAM_AUTO && time >= least) continue;
    s->n_groups = n;
    least = time;
  }
  sp_free(pairs);
  return SP_SUCCESS;
}
