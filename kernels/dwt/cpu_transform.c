/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cpu_transform.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"

static size_t round_up(size_t n) {
  return (n + SP_BANK_ROUND - 1) / SP_BANK_ROUND * SP_BANK_ROUND;
}

/* --- layout ------------------------------------------------------------------------------------------------ */

/* A buffer for a signal of n samples, with room for its extension. */
static size_t buffer_size(size_t n) {
  return SP_BANK_FRONT + round_up(n) + SP_BANK_BACK;
}

static void layout_dwt(sp_dwt_layout *l) {
  size_t at = SP_BANK_FRONT;
  for (int j = 1; j <= l->levels; j++) {
    l->start[j] = at;
    at += round_up(l->length[j]);
  }
  l->start[l->levels + 1] = at;
  l->row_floats = at + round_up(l->length[l->levels]) + SP_BANK_BACK;
  l->buffer_floats = buffer_size(l->length[0]);
  l->scratch_floats = 2 * l->buffer_floats;
}

/* Samples by which a signal at this level is extended. */
static size_t swt_reach(const sp_dwt_layout *l, int level) {
  return (size_t)(l->bank.taps - 1) << (level - 1);
}

static void layout_swt(sp_dwt_layout *l) {
  size_t at = SP_BANK_FRONT;
  for (int j = 1; j <= l->levels; j++) {
    l->start[j] = at;
    at += round_up(l->padded + swt_reach(l, j) + SP_BANK_ROUND);
  }
  l->start[l->levels + 1] = at;
  l->row_floats = at + round_up(l->padded + swt_reach(l, l->levels)) + SP_BANK_BACK;
  l->buffer_floats = buffer_size(l->padded + 2 * round_up(swt_reach(l, l->levels)));
  l->scratch_floats = 2 * l->buffer_floats;
}

/* What is read in front of a node. */
static size_t node_front(const sp_dwt_layout *l) {
  return round_up((size_t)l->bank.stages) * 2;
}

/* A node of the packet tree with room for its extension. */
static size_t node_room(const sp_dwt_layout *l, int level) {
  return node_front(l) + round_up(l->length[level] + (size_t)l->bank.taps + 2 * SP_BANK_ROUND);
}

static void layout_wpt(sp_dwt_layout *l) {
  l->leaf_stride = round_up(l->length[l->levels]);
  l->tree_stride = l->leaf_stride << l->levels;
  const size_t stored = l->best_basis ? (size_t)l->levels : 1;
  l->row_floats = SP_BANK_FRONT + l->tree_stride * stored + SP_BANK_BACK;
  l->buffer_floats = buffer_size(l->length[0]);
  l->scratch_floats = l->buffer_floats * 2 * ((size_t)l->levels + 1);
  if (l->best_basis) return;
  for (int j = 1; j < l->levels; j++) {
    const size_t all_nodes = node_room(l, j) << j;
    if (all_nodes > l->tree_floats) l->tree_floats = all_nodes;
  }
  l->scratch_floats = l->buffer_floats + 2 * l->tree_floats;
}

/* Undecimated synthesis halves each level; a folded bank leaves that to the factor too. */
static void set_gains(sp_dwt_layout *l) {
  const double halves = l->transform == SP_DWT_SWT && l->bank.folded ? 2 : 1;
  for (int j = 0; j <= l->levels; j++) {
    l->gain[j] = pow(l->bank.gain, j);
    l->factor[j] = pow(halves * l->bank.gain * l->bank.gain, -j);
  }
}

void sp_dwt_layout_init(sp_dwt_layout *l, const sp_dwt_params *params, size_t n_samples, int levels, sp_isa isa) {
  *l = (sp_dwt_layout){.vector = sp_shrink_select(isa),
                       .transform = params->transform,
                       .levels = levels,
                       .best_basis = params->best_basis,
                       .n_samples = n_samples};
  sp_bank_init(&l->bank, params->wavelet, levels, params->transform == SP_DWT_SWT, isa);
  l->padded = (n_samples + ((size_t)1 << levels) - 1) >> levels << levels;
  l->length[0] = n_samples;
  for (int j = 1; j <= levels; j++) {
    l->length[j] = l->transform == SP_DWT_SWT ? l->padded : sp_wavelet_band_length(l->length[j - 1], l->bank.taps);
  }
  set_gains(l);
  switch (l->transform) {
  case SP_DWT_SWT:
    layout_swt(l);
    break;
  case SP_DWT_WPT:
    layout_wpt(l);
    break;
  default:
    layout_dwt(l);
    break;
  }
}

size_t sp_dwt_split_bytes(const sp_dwt_layout *l) {
  return l->best_basis ? (size_t)1 << l->levels : 0;
}

size_t sp_dwt_max_bands(const sp_dwt_layout *l) {
  return l->best_basis ? (size_t)1 << l->levels : (size_t)l->levels + 1;
}

/* --- dwt --------------------------------------------------------------------------------------------------- */

/* A signal in a buffer of ours, extended in place. */
static void extend(const sp_dwt_layout *l, float *x, int level) {
  l->bank.extend(x, l->length[level], l->bank.taps);
}

static void analyse_extended(const sp_dwt_layout *l, const float *x, int level, float *lo, float *hi) {
  l->bank.analyse(&l->bank, x, x, l->length[level + 1], x, l->length[level + 1], lo, hi, 0);
}

static void analyse(const sp_dwt_layout *l, float *x, int level, float *lo, float *hi) {
  extend(l, x, level);
  analyse_extended(l, x, level, lo, hi);
}

/* Traces by which reading from memory is started before they are needed. */
enum { FETCH_AHEAD = 2 };

/* The caller's trace: read in place but for its ends. */
static void analyse_trace(const sp_dwt_layout *l, const float *in, float *ends, float *lo, float *hi) {
  const size_t n = l->n_samples, n_main = n / (2 * SP_BANK_ROUND) * SP_BANK_ROUND, rest = n - 2 * n_main;
  float *head = ends + SP_BANK_FRONT, *tail = head;
  for (int i = 0; i < l->bank.taps - 2; i++) head[-1 - i] = in[i];
  memcpy(tail, in + 2 * n_main, rest * sizeof *tail);
  for (int i = 0; i < l->bank.taps - 1; i++) tail[rest + (size_t)i] = in[n - 1 - (size_t)i];
  l->bank.analyse(&l->bank, head, in, n_main, tail, l->length[1], lo, hi, FETCH_AHEAD * n);
}

static void synthesise(const sp_dwt_layout *l, int level, const float *lo, const float *hi, float *x) {
  const size_t n_pairs = (l->length[level] + 1) / 2;
  l->bank.synthesise(&l->bank, lo, hi, x, round_up(n_pairs), x, n_pairs, false);
}

static bool is_aligned(const float *x) {
  return (uintptr_t)x % SP_ALIGNMENT == 0;
}

static void synthesise_trace(const sp_dwt_layout *l, const float *lo, const float *hi, float *tail, float *out,
                             bool stream) {
  const size_t n = l->n_samples, n_main = n / (2 * SP_BANK_ROUND) * SP_BANK_ROUND;
  l->bank.synthesise(&l->bank, lo, hi, out, n_main, tail, (n + 1) / 2, stream && is_aligned(out));
  memcpy(out + 2 * n_main, tail, (n - 2 * n_main) * sizeof *out);
}

static void forward_dwt(const sp_dwt_layout *l, const float *in, float *row, float *scratch) {
  float *here = scratch + SP_BANK_FRONT, *next = here + l->buffer_floats;
  for (int j = 1; j <= l->levels; j++) {
    float *lo = j == l->levels ? row + l->start[j + 1] : next;
    if (j == 1) {
      analyse_trace(l, in, scratch, lo, row + l->start[1]);
    } else {
      analyse(l, here, j - 1, lo, row + l->start[j]);
    }
    next = here;
    here = lo;
  }
}

static void inverse_dwt(const sp_dwt_layout *l, const float *row, float *out, bool stream, float *scratch) {
  float *next = scratch + SP_BANK_FRONT, *spare = next + l->buffer_floats;
  const float *lo = row + l->start[l->levels + 1];
  for (int j = l->levels; j > 1; j--) {
    synthesise(l, j - 1, lo, row + l->start[j], next);
    float *done = next;
    next = spare;
    spare = done;
    lo = done;
  }
  synthesise_trace(l, lo, row + l->start[1], next, out, stream);
}

/* --- swt --------------------------------------------------------------------------------------------------- */

static void forward_swt(const sp_dwt_layout *l, const float *in, float *row, float *scratch) {
  const size_t n = l->n_samples, lead = SP_BANK_FRONT + round_up(swt_reach(l, l->levels));
  float *here = scratch + lead, *next = here + l->buffer_floats;
  memcpy(here, in, n * sizeof *here);
  for (size_t i = n; i < l->padded; i++) here[i] = in[2 * n - 2 - i];
  for (int j = 1; j <= l->levels; j++) {
    const size_t reach = swt_reach(l, j);
    float *lo = j == l->levels ? row + l->start[j + 1] : next;
    for (size_t i = n * (size_t)(j - 1); i < n * (size_t)j; i += 16 * (size_t)l->levels) {
      __builtin_prefetch(in + FETCH_AHEAD * n + i / (size_t)l->levels, 0, 2);
    }
    memcpy(here - reach, here + l->padded - reach, reach * sizeof *here);
    l->bank.swt_analyse(&l->bank, (size_t)1 << (j - 1), here, l->padded, lo, row + l->start[j]);
    next = here;
    here = lo;
  }
}

static void inverse_swt(const sp_dwt_layout *l, float *row, float *out, float *scratch) {
  float *next = scratch + SP_BANK_FRONT, *spare = next + l->buffer_floats, *lo = row + l->start[l->levels + 1];
  for (int j = l->levels; j > 0; j--) {
    const size_t reach = swt_reach(l, j);
    float *hi = row + l->start[j];
    memcpy(lo + l->padded, lo, reach * sizeof *lo);
    memcpy(hi + l->padded, hi, reach * sizeof *hi);
    l->bank.swt_synthesise(&l->bank, (size_t)1 << (j - 1), lo, hi, l->padded, next);
    lo = next;
    next = spare;
    spare = lo;
  }
  memcpy(out, lo, l->n_samples * sizeof *out);
}

/* --- wpt --------------------------------------------------------------------------------------------------- */

/* Where a node's coefficients lie in a row. A node has the room of all leaves below it. */
static size_t node_start(const sp_dwt_layout *l, int level, size_t index) {
  const size_t tree = l->best_basis ? l->tree_stride * (size_t)(level - 1) : 0;
  return SP_BANK_FRONT + tree + (index << (l->levels - level)) * l->leaf_stride;
}

static size_t node_number(int level, size_t index) {
  return ((size_t)1 << level) + index;
}

/* Two signals a level of the tree. */
static float *node_buffer(const sp_dwt_layout *l, int level, size_t index, float *scratch) {
  return scratch + SP_BANK_FRONT + l->buffer_floats * (2 * (size_t)level + (index & 1));
}

/* Where a node is while the levels below it are computed. Levels take turns in two places; the last is in the row. */
static float *tree_node(const sp_dwt_layout *l, int level, size_t index, float *row, float *scratch) {
  if (level == l->levels) return row + node_start(l, level, index);
  return scratch + l->buffer_floats + (level & 1 ? l->tree_floats : 0) + index * node_room(l, level) + node_front(l);
}

/* Level by level: nodes of equal length one after another, which the processor foresees. */
static void forward_tree(const sp_dwt_layout *l, const float *in, float *row, float *scratch) {
  analyse_trace(l, in, scratch, tree_node(l, 1, 0, row, scratch), tree_node(l, 1, 1, row, scratch));
  for (int level = 1; level < l->levels; level++) {
    const size_t n_nodes = (size_t)1 << level;
    for (size_t i = 0; i < n_nodes; i++) extend(l, tree_node(l, level, i, row, scratch), level);
    for (size_t i = 0; i < n_nodes; i++) {
      float *lo = tree_node(l, level + 1, 2 * i, row, scratch), *hi = tree_node(l, level + 1, 2 * i + 1, row, scratch);
      analyse_extended(l, tree_node(l, level, i, row, scratch), level, lo, hi);
    }
  }
}

static void inverse_tree(const sp_dwt_layout *l, float *row, float *out, bool stream, float *scratch) {
  for (int level = l->levels - 1; level > 0; level--) {
    for (size_t i = 0; i < (size_t)1 << level; i++) {
      const float *lo = tree_node(l, level + 1, 2 * i, row, scratch);
      synthesise(l, level, lo, tree_node(l, level + 1, 2 * i + 1, row, scratch), tree_node(l, level, i, row, scratch));
    }
  }
  const float *lo = tree_node(l, 1, 0, row, scratch);
  synthesise_trace(l, lo, tree_node(l, 1, 1, row, scratch), scratch + SP_BANK_FRONT, out, stream);
}

typedef struct basis_search {
  const sp_dwt_layout *layout;
  const float *in;
  float *row, *scratch;
  unsigned char *split;
  double norm; /* of the trace */
} basis_search;

/* Shannon entropy of a node, the energy of the trace being 1 (Coifman and Wickerhauser 1992). */
static double cost(const basis_search *s, const float *x, int level) {
  const float scale = (float)(1 / (s->norm * s->layout->gain[level]));
  return -s->layout->vector->entropy(scale, x, s->layout->length[level]);
}

/* Stores all nodes below one and marks which to divide; returns the cost of the best basis of its subtree. The
 * low-pass path is always divided: the approximation stays as narrow as that of dwt. */
static double search(const basis_search *s, int level, size_t index) {
  const sp_dwt_layout *l = s->layout;
  float *x = node_buffer(l, level, index, s->scratch);
  double own = 0;
  if (level > 0) {
    memcpy(s->row + node_start(l, level, index), x, l->length[level] * sizeof *x);
    own = cost(s, x, level);
    if (level == l->levels) return own;
  }
  float *lo = node_buffer(l, level + 1, 0, s->scratch), *hi = node_buffer(l, level + 1, 1, s->scratch);
  if (level == 0) {
    analyse_trace(l, s->in, s->scratch, lo, hi);
  } else {
    analyse(l, x, level, lo, hi);
  }
  const double low = search(s, level + 1, 2 * index), divided = low + search(s, level + 1, 2 * index + 1);
  const bool divide = index == 0 || divided < own;
  s->split[node_number(level, index)] = divide;
  return divide ? divided : own;
}

static void forward_best_basis(const sp_dwt_layout *l, const float *in, float *row, unsigned char *split,
                               float *scratch) {
  double energy = 0;
  for (size_t i = 0; i < l->n_samples; i++) energy += (double)in[i] * in[i];
  const basis_search s = {l, in, row, scratch, split, energy > 0 ? sqrt(energy) : 1};
  search(&s, 0, 0);
}

static bool is_leaf(const sp_dwt_layout *l, const unsigned char *split, int level, size_t index) {
  return level == l->levels || !split[node_number(level, index)];
}

static const float *resynthesise(const sp_dwt_layout *l, const float *row, const unsigned char *split, int level,
                                 size_t index, float *out, bool stream, float *scratch) {
  if (is_leaf(l, split, level, index)) return row + node_start(l, level, index);
  const float *lo = resynthesise(l, row, split, level + 1, 2 * index, out, stream, scratch);
  const float *hi = resynthesise(l, row, split, level + 1, 2 * index + 1, out, stream, scratch);
  float *x = node_buffer(l, level, index, scratch);
  if (level == 0) {
    synthesise_trace(l, lo, hi, x, out, stream);
  } else {
    synthesise(l, level, lo, hi, x);
  }
  return x;
}

static sp_dwt_band make_band(const sp_dwt_layout *l, size_t start, int level, bool kept) {
  return (sp_dwt_band){.start = start,
                       .length = l->length[level],
                       .count = 1,
                       .kept = kept,
                       .gain = (float)l->gain[level],
                       .factor = (float)l->factor[level]};
}

static size_t list_leaves(const sp_dwt_layout *l, const unsigned char *split, int level, size_t index,
                          sp_dwt_band *bands, size_t n) {
  if (!is_leaf(l, split, level, index)) {
    n = list_leaves(l, split, level + 1, 2 * index, bands, n);
    return list_leaves(l, split, level + 1, 2 * index + 1, bands, n);
  }
  bands[n] = make_band(l, node_start(l, level, index), level, index == 0);
  return n + 1;
}

/* --- constant traces --------------------------------------------------------------------------------------- */

/* Their details are zero, exactly, which rounding would not give: neighbours take medians of them. */
static bool is_constant(const float *x, size_t n) {
  for (size_t i = 1; i < n; i++) {
    if (x[i] != x[0]) return false;
  }
  return true;
}

static void fill(float *x, size_t n, float value) {
  for (size_t i = 0; i < n; i++) x[i] = value;
}

static void forward_constant(const sp_dwt_layout *l, float value, float *row, unsigned char *split) {
  memset(row, 0, l->row_floats * sizeof *row);
  memset(split, 0, sp_dwt_split_bytes(l));
  for (int j = l->best_basis ? 1 : l->levels; j <= l->levels; j++) {
    const size_t start = l->transform == SP_DWT_WPT ? node_start(l, j, 0) : l->start[j + 1];
    fill(row + start, l->length[j], (float)(value * pow(l->bank.response, j)));
    if (l->best_basis) split[node_number(j - 1, 0)] = 1;
  }
}

/* --- all --------------------------------------------------------------------------------------------------- */

void sp_dwt_forward(const sp_dwt_layout *l, const float *in, float *row, unsigned char *split, float *scratch) {
  if (is_constant(in, l->n_samples)) {
    forward_constant(l, in[0], row, split);
  } else if (l->transform == SP_DWT_SWT) {
    forward_swt(l, in, row, scratch);
  } else if (l->transform == SP_DWT_DWT) {
    forward_dwt(l, in, row, scratch);
  } else if (l->best_basis) {
    forward_best_basis(l, in, row, split, scratch);
  } else {
    forward_tree(l, in, row, scratch);
  }
}

void sp_dwt_inverse(const sp_dwt_layout *l, float *row, const unsigned char *split, float *out, bool stream,
                    float *scratch) {
  if (l->transform == SP_DWT_SWT) {
    inverse_swt(l, row, out, scratch);
  } else if (l->transform == SP_DWT_DWT) {
    inverse_dwt(l, row, out, stream, scratch);
  } else if (!l->best_basis) {
    inverse_tree(l, row, out, stream, scratch);
  } else {
    resynthesise(l, row, split, 0, 0, out, stream, scratch);
  }
}

size_t sp_dwt_bands(const sp_dwt_layout *l, const unsigned char *split, sp_dwt_band *bands) {
  if (l->best_basis) return list_leaves(l, split, 0, 0, bands, 0);
  if (l->transform == SP_DWT_WPT) {
    bands[0] = make_band(l, node_start(l, l->levels, 0), l->levels, true);
    bands[1] = make_band(l, node_start(l, l->levels, 1), l->levels, false);
    bands[1].count = ((size_t)1 << l->levels) - 1;
    bands[1].stride = l->leaf_stride;
    return 2;
  }
  for (int j = 1; j <= l->levels; j++) bands[j - 1] = make_band(l, l->start[j], j, false);
  bands[l->levels] = make_band(l, l->start[l->levels + 1], l->levels, true);
  return (size_t)l->levels + 1;
}
