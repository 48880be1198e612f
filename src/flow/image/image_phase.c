/* SPDX-License-Identifier: BSD-3-Clause */
/* Phases, units and tiles of an image job, from what all ranks know. Units are numbered phase by phase: batches for the
 * peak, batches of each class and tile, image points. */
#include <math.h>

#include "src/flow/image/image_flow.h"

const sp_pstm_params *sp_image_params(const sp_job *job) {
  return job->chain[0].params;
}

uint64_t sp_image_points(const sp_image_shared *s) {
  return (uint64_t)s->config.grid.n[0] * s->config.grid.n[1];
}

uint32_t sp_image_phases(const sp_image_shared *s) {
  return 2 + s->n_classes * s->n_tiles;
}

static uint64_t peak_units(const sp_image_shared *s) {
  return isnan(s->peak) ? s->n_batches : 0;
}

uint64_t sp_image_units(const sp_image_shared *s) {
  return peak_units(s) + s->n_batches * s->n_tiles + sp_image_points(s);
}

sp_image_phase sp_image_phase_at(const sp_image_shared *s, uint32_t phase) {
  if (phase == 0) return (sp_image_phase){.step = SP_IMAGE_PEAK, .n_units = peak_units(s)};
  if (phase + 1 == sp_image_phases(s)) {
    return (sp_image_phase){
        .step = SP_IMAGE_WRITE, .first_unit = peak_units(s) + s->n_batches * s->n_tiles, .n_units = sp_image_points(s)};
  }
  const uint32_t k = (phase - 1) / s->n_tiles, tile = (phase - 1) % s->n_tiles;
  const struct sp_image_class *c = &s->classes[k];
  return (sp_image_phase){.step = SP_IMAGE_SUM,
                          .class_number = k,
                          .tile = tile,
                          .first_unit = peak_units(s) + c->first_batch * s->n_tiles + tile * c->n_batches,
                          .n_units = c->n_batches};
}

sp_pstm_tile sp_image_tile(const sp_image_shared *s, uint32_t tile) {
  const uint32_t at[2] = {tile % s->tiles_x * s->tile_n[0], tile / s->tiles_x * s->tile_n[1]};
  sp_pstm_tile t = {{at[0], at[1]}, {s->tile_n[0], s->tile_n[1]}};
  for (int i = 0; i < 2; i++) {
    if (at[i] + t.n[i] > s->config.grid.n[i]) t.n[i] = s->config.grid.n[i] - at[i];
  }
  return t;
}
