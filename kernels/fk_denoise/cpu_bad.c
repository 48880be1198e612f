/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad samples on the CPU, trace by trace (bad.h). */
#include "kernels/fk_denoise/bad.h"

#include "kernels/fk_denoise/cpu.h"

/* A block, as far as it stands out. */
static void sweep_block(const fkd_search *s, uint32_t start) {
  fkd_neighbour list[FKD_NEIGHBOURS];
  double likeness;
  if (!fkd_block_has(s, start, FKD_LEVEL_TIMES, true)) return;
  const uint32_t n = fkd_compare_block(s, start, list, &likeness);
  fkd_mark_samples(s, start, list, n, likeness);
  if (!s->second) fkd_mark_run(s, start);
}

static void sweep(fkd_search *s, const uint8_t *stands_out, bool second) {
  s->second = second;
  for (s->node = 0; s->node < s->n_i * s->n_j; s->node++) {
    if (!stands_out[s->node]) continue;
    for (uint32_t start = 0; start < s->n; start += s->window / 2) sweep_block(s, start);
    if (!second) fkd_extend_runs(s);
  }
}

static void mark_all(fkd_search *s, const uint8_t *stands_out) {
  for (s->node = 0; s->node < s->n_i * s->n_j; s->node++) {
    for (uint32_t t = 0; t < s->n && stands_out[s->node]; t++) fkd_marks(s, s->node)[t] = fkd_mark_of(s, t);
  }
}

/* Finds the traces that stand out somewhere, and where coherence counts clips their levels: of others that would change
 * nothing. */
static void find_rows(const sp_fkd_kernels *kernels, const sp_fkd_box *box, const fkd_search *s, float *levels,
                      bool coherent) {
  for (uint32_t node = 0; node < s->n_i * s->n_j; node++) {
    const float *x = box->rows[node], *median = s->medians + node * s->node_stride;
    float *level = levels + node * s->node_stride;
    box->work.stands_out[node] = x && kernels->stands_out(box, x, level, median, FKD_SAMPLE_TIMES, FKD_LEVEL_TIMES);
    if (box->work.stands_out[node] && coherent) kernels->level(box, x, median, FKD_SAMPLE_TIMES, level);
  }
}

size_t sp_fkd_find_bad(const sp_fkd_kernels *kernels, const sp_fkd_box *box, bool coherent) {
  enum { MOST = (3 + 2 * FKD_FURTHEST) * SP_FKD_MAX_WINDOW + FKD_EACH };
  const sp_fkd_layout *l = &box->layout;
  const size_t nodes = (size_t)l->i.n * l->j.n, row = sp_fkd_level_row(l), samples = nodes * l->t.n;
  float *levels = box->work.out, *medians = box->work.in;
  double own[MOST], other[MOST] = {0}, energies[MOST];
  size_t count = 0;
  memset(box->work.bad, FKD_GOOD, samples);
  for (size_t node = 0; node < nodes; node++) {
    if (box->rows[node]) {
      kernels->level(box, box->rows[node], NULL, 0, levels + node * row);
    } else {
      memset(levels + node * row, 0, row * sizeof *levels);
    }
  }
  kernels->medians(box, levels, coherent, medians);
  fkd_search s = {.rows = box->rows,
                  .levels = levels,
                  .medians = medians,
                  .node_stride = row,
                  .time_stride = 1,
                  .bad = box->work.bad,
                  .n_i = l->i.n,
                  .n_j = l->j.n,
                  .n = l->t.n,
                  .window = l->t.window,
                  .scale = box->scale,
                  .at_once = 1,
                  .own = own,
                  .other = other,
                  .energies = energies};
  find_rows(kernels, box, &s, levels, coherent);
  if (coherent) {
    sweep(&s, box->work.stands_out, false);
    sweep(&s, box->work.stands_out, true);
  } else {
    mark_all(&s, box->work.stands_out);
  }
  for (size_t i = 0; i < samples; i++) {
    box->work.bad[i] = box->work.bad[i] != FKD_GOOD;
    count += box->work.bad[i];
  }
  return count;
}
