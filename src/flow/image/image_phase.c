/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps, phases, units and tiles of an image job, from what all ranks know. Units are numbered step by step: batches
 * for the peak, batches of each class and tile, image points. */
#include <math.h>

#include "src/flow/image/image_flow.h"

const sp_pstm_params *sp_image_params(const sp_job *job) {
  return job->chain[0].params;
}

uint64_t sp_image_points(const sp_image_shared *s) {
  return (uint64_t)s->config.grid.n[0] * s->config.grid.n[1];
}

static uint64_t peak_units(const sp_image_shared *s) {
  return isnan(s->peak) ? s->n_batches : 0;
}

uint64_t sp_image_units(const sp_image_shared *s) {
  return peak_units(s) + s->n_batches * s->n_tiles + sp_image_points(s);
}

uint32_t sp_image_steps(const sp_image_shared *s) {
  return 2 + s->n_classes * s->n_tiles;
}

sp_image_step sp_image_step_at(const sp_image_shared *s, uint32_t step) {
  if (step == 0) return (sp_image_step){.kind = SP_IMAGE_PEAK, .n_units = peak_units(s)};
  if (step + 1 == sp_image_steps(s)) {
    return (sp_image_step){
        .kind = SP_IMAGE_WRITE, .first_unit = peak_units(s) + s->n_batches * s->n_tiles, .n_units = sp_image_points(s)};
  }
  const uint32_t k = (step - 1) / s->n_tiles, tile = (step - 1) % s->n_tiles;
  const struct sp_image_class *c = &s->classes[k];
  return (sp_image_step){.kind = SP_IMAGE_SUM,
                         .class_number = k,
                         .tile = tile,
                         .first_unit = peak_units(s) + c->first_batch * s->n_tiles + tile * c->n_batches,
                         .n_units = c->n_batches};
}

uint32_t sp_image_phases(const sp_image_shared *s) {
  return 2 + s->n_classes * (s->n_tiles / s->n_groups);
}

sp_image_phase sp_image_phase_at(const sp_image_shared *s, uint32_t phase) {
  const bool sums = phase > 0 && phase + 1 < sp_image_phases(s);
  const uint32_t n_steps = sums ? s->n_groups : 1;
  const uint32_t first = phase == 0 ? 0 : 1 + (phase - 1) * s->n_groups;
  const sp_image_step step = sp_image_step_at(s, first);
  return (sp_image_phase){.kind = step.kind,
                          .class_number = step.class_number,
                          .first_step = first,
                          .n_steps = n_steps,
                          .first_unit = step.first_unit,
                          .n_units = n_steps * step.n_units,
                          .step_units = step.n_units};
}

sp_pstm_tile sp_image_tile(const sp_image_shared *s, uint32_t tile) {
  const uint32_t at[2] = {tile % s->tiles_x * s->tile_n[0], tile / s->tiles_x * s->tile_n[1]};
  sp_pstm_tile t = {{at[0], at[1]}, {s->tile_n[0], s->tile_n[1]}};
  for (int i = 0; i < 2; i++) {
    if (at[i] + t.n[i] > s->config.grid.n[i]) t.n[i] = s->config.grid.n[i] - at[i];
  }
  return t;
}

sp_share sp_image_group(const sp_image_shared *s, int n_workers, uint32_t group) {
  return sp_share_even((uint64_t)n_workers, (int)s->n_groups, (int)group);
}

uint32_t sp_image_group_of(const sp_image_shared *s, int n_workers, int worker) {
  uint32_t group = 0;
  while (group + 1 < s->n_groups && sp_image_group(s, n_workers, group + 1).first <= (uint64_t)worker) group++;
  return group;
}
