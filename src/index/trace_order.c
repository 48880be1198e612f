/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/index/trace_order.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/trace_sort.h"

/* --- comparing ------------------------------------------------------------------------------------------------- */

static double value_of(const sp_key *key, uint64_t i) {
  return key->real ? ((const double *)key->values)[i] : (double)((const int32_t *)key->values)[i];
}

static bool same(const sp_key *keys, int n_keys, uint64_t a, uint64_t b) {
  for (int k = 0; k < n_keys; k++) {
    if (value_of(&keys[k], a) != value_of(&keys[k], b)) return false;
  }
  return true;
}

/* Whether trace a may stand before b by the keys within a gather. */
static bool in_order(const sp_key *keys, int n_keys, uint64_t a, uint64_t b) {
  for (int k = 0; k < n_keys; k++) {
    const double va = value_of(&keys[k], a), vb = value_of(&keys[k], b);
    if (va != vb) return va < vb;
  }
  return true;
}

/* Integers of the same order as the values. */
static uint64_t sortable(const sp_key *key, uint64_t i) {
  if (!key->real) return (uint32_t)((const int32_t *)key->values)[i] ^ 0x80000000u;
  const double v = ((const double *)key->values)[i] + 0.0; /* -0 as 0 */
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* --- radix sort of positions ------------------------------------------------------------------------------------- */

enum { DIGIT_BITS = 16, N_DIGITS = 1 << DIGIT_BITS };

/* One stable pass over a digit of the key at at[from[i]] (at NULL: at from[i]); false where all have the same digit. */
static bool digit_pass(const sp_key *key, int shift, const uint64_t *at, const uint32_t *from, uint32_t *to, uint64_t n,
                       uint64_t *count) {
  memset(count, 0, N_DIGITS * sizeof *count);
  for (uint64_t i = 0; i < n; i++) count[sortable(key, at ? at[i] : i) >> shift & (N_DIGITS - 1)]++;
  uint64_t start = 0;
  for (int d = 0; d < N_DIGITS; d++) {
    const uint64_t c = count[d];
    if (c == n) return false;
    count[d] = start;
    start += c;
  }
  for (uint64_t i = 0; i < n; i++) {
    const uint32_t p = from[i];
    to[count[sortable(key, at ? at[p] : p) >> shift & (N_DIGITS - 1)]++] = p;
  }
  return true;
}

/* Stable order of n positions by keys, the first the most significant. The caller owns *out. */
static sp_status sort_positions(const sp_key *keys, int n_keys, const uint64_t *at, uint64_t n, uint32_t **out) {
  sp_status status;
  uint32_t *order = NULL, *spare = NULL;
  uint64_t *count = NULL;
  SP_TRY_GOTO(out, sp_alloc(n * sizeof *order, "sorting", &order));
  SP_TRY_GOTO(out, sp_alloc(n * sizeof *spare, "sorting", &spare));
  SP_TRY_GOTO(out, sp_alloc(N_DIGITS * sizeof *count, "sorting", &count));
  for (uint64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  for (int k = n_keys - 1; k >= 0; k--) {
    for (int shift = 0; shift < (keys[k].real ? 64 : 32); shift += DIGIT_BITS) {
      if (!digit_pass(&keys[k], shift, at, order, spare, n, count)) continue;
      uint32_t *swap = order;
      order = spare;
      spare = swap;
    }
  }
  *out = order;
  order = NULL;
out:
  sp_free(count);
  sp_free(spare);
  sp_free(order);
  return status;
}

/* --- gathers ----------------------------------------------------------------------------------------------------- */

static uint64_t trace_at(const uint32_t *source, uint64_t i) {
  return source ? source[i] : i;
}

static uint64_t count_runs(const sp_key *keys, int n_keys, const uint32_t *source, uint64_t n) {
  uint64_t runs = 1;
  for (uint64_t i = 1; i < n; i++) runs += !same(keys, n_keys, trace_at(source, i - 1), trace_at(source, i));
  return runs;
}

/* Gathers of traces that stand in gather order: one a run of equal keys. */
static sp_status make_gathers(const sp_key *keys, int n_keys, uint64_t n, uint64_t n_runs, sp_order *order) {
  order->n_gathers = n_runs;
  SP_TRY(sp_alloc((n_runs + 1) * sizeof *order->first_trace, "the gather index", &order->first_trace));
  uint64_t g = 0;
  order->first_trace[g++] = 0;
  for (uint64_t i = 1; i < n; i++) {
    if (!same(keys, n_keys, trace_at(order->source, i - 1), trace_at(order->source, i))) order->first_trace[g++] = i;
  }
  order->first_trace[g] = n;
  return SP_SUCCESS;
}

/* Whether no gather's traces are scattered over the file: no two of its runs have the same keys. */
static sp_status runs_differ(const sp_key *keys, int n_keys, uint64_t n, uint64_t n_runs, bool *out) {
  sp_status status;
  uint64_t *first = NULL;
  uint32_t *sorted = NULL;
  SP_TRY_GOTO(out, sp_alloc(n_runs * sizeof *first, "sorting", &first));
  uint64_t r = 0;
  first[r++] = 0;
  for (uint64_t i = 1; i < n; i++) {
    if (!same(keys, n_keys, i - 1, i)) first[r++] = i;
  }
  SP_TRY_GOTO(out, sort_positions(keys, n_keys, first, n_runs, &sorted));
  bool differ = true;
  for (r = 1; r < n_runs && differ; r++) differ = !same(keys, n_keys, first[sorted[r - 1]], first[sorted[r]]);
  *out = differ;
out:
  sp_free(sorted);
  sp_free(first);
  return status;
}

static sp_status find_gathers(const char *path, const sp_key *keys, int n_keys, uint64_t n, sp_order *order) {
  const uint64_t n_runs = count_runs(keys, n_keys, NULL, n);
  bool kept = n_runs == 1;
  if (!kept && n > UINT32_MAX) {
    /* so many runs cannot be sorted either; a file of this size in gather order has far fewer */
    if (n_runs > UINT32_MAX) {
      return SP_RAISE(SP_ERR_INPUT, "%s: its %llu traces are not in gather order, and at most %u can be sorted", path,
                      (unsigned long long)n, UINT32_MAX);
    }
  }
  if (!kept && n_runs <= n / 4) SP_TRY(runs_differ(keys, n_keys, n, n_runs, &kept));
  if (kept) return make_gathers(keys, n_keys, n, n_runs, order);
  if (n > UINT32_MAX) {
    return SP_RAISE(SP_ERR_INPUT, "%s: its %llu traces are not in gather order, and at most %u can be sorted", path,
                    (unsigned long long)n, UINT32_MAX);
  }
  SP_TRY(sort_positions(keys, n_keys, NULL, n, &order->source));
  const uint64_t n_gathers = count_runs(keys, n_keys, order->source, n);
  if (n_gathers == n_runs) {
    sp_free(order->source);
    order->source = NULL;
  }
  return make_gathers(keys, n_keys, n, n_gathers, order);
}

static sp_status check_integers(const char *path, const sp_key *keys, int n_keys, uint64_t n) {
  const double limit = n_keys > 1 ? 0x1p31 : 0x1p53;
  for (int k = 0; k < n_keys; k++) {
    if (!keys[k].real) continue;
    for (uint64_t i = 0; i < n; i++) {
      const double v = value_of(&keys[k], i);
      if (v == floor(v) && v >= -limit && v < limit) continue;
      return SP_RAISE(SP_ERR_INPUT, "%s: gather key %s is %.17g in trace %llu; allowed are integers of %d bits", path,
                      keys[k].name, v, (unsigned long long)i + 1, n_keys > 1 ? 32 : 53);
    }
  }
  return SP_SUCCESS;
}

static sp_status set_keys(const sp_key *keys, int n_keys, sp_order *order) {
  SP_TRY(sp_alloc(order->n_gathers * sizeof *order->key, "the gather index", &order->key));
  for (uint64_t g = 0; g < order->n_gathers; g++) {
    const uint64_t trace = trace_at(order->source, order->first_trace[g]);
    int64_t key = n_keys ? (int64_t)value_of(&keys[0], trace) : 0;
    if (n_keys == 2) key = (int64_t)((uint64_t)key << 32 | (uint32_t)(int64_t)value_of(&keys[1], trace));
    order->key[g] = key;
  }
  return SP_SUCCESS;
}

/* --- within gathers ---------------------------------------------------------------------------------------------- */

static bool gather_in_order(const sp_key *keys, int n_keys, const sp_order *order, uint64_t g) {
  for (uint64_t i = order->first_trace[g] + 1; i < order->first_trace[g + 1]; i++) {
    if (!in_order(keys, n_keys, trace_at(order->source, i - 1), trace_at(order->source, i))) return false;
  }
  return true;
}

typedef struct sorter {
  double *values[SP_MAX_ORDER_KEYS];
  sp_local *order, *scratch;
  uint32_t *moved;
} sorter;

static sp_status make_sorter(int n_keys, sp_local largest, sorter *s) {
  for (int k = 0; k < n_keys; k++) SP_TRY(sp_alloc(largest * sizeof(double), "sorting", &s->values[k]));
  SP_TRY(sp_alloc(largest * sizeof *s->order, "sorting", &s->order));
  SP_TRY(sp_alloc(largest * sizeof *s->scratch, "sorting", &s->scratch));
  return sp_alloc(largest * sizeof *s->moved, "sorting", &s->moved);
}

static void clear_sorter(sorter *s) {
  for (int k = 0; k < SP_MAX_ORDER_KEYS; k++) sp_free(s->values[k]);
  sp_free(s->order);
  sp_free(s->scratch);
  sp_free(s->moved);
}

static void sort_gather(const sp_key *keys, int n_keys, sp_order *order, uint64_t g, sorter *s) {
  const uint64_t first = order->first_trace[g];
  const sp_local n = (sp_local)(order->first_trace[g + 1] - first);
  const double *values[SP_MAX_ORDER_KEYS];
  for (int k = 0; k < n_keys; k++) {
    for (sp_local i = 0; i < n; i++) s->values[k][i] = value_of(&keys[k], order->source[first + i]);
    values[k] = s->values[k];
  }
  sp_trace_sort(values, (size_t)n_keys, n, s->order, s->scratch);
  for (sp_local i = 0; i < n; i++) s->moved[i] = order->source[first + s->order[i]];
  memcpy(order->source + first, s->moved, n * sizeof *s->moved);
}

static sp_status sort_within(const char *path, const sp_key *keys, int n_keys, uint64_t n, sp_order *order) {
  uint64_t g = 0, largest = 0;
  while (g < order->n_gathers && gather_in_order(keys, n_keys, order, g)) g++;
  if (g == order->n_gathers) return SP_SUCCESS;
  for (uint64_t h = g; h < order->n_gathers; h++) {
    const uint64_t m = order->first_trace[h + 1] - order->first_trace[h];
    if (m > largest) largest = m;
  }
  if (n > UINT32_MAX) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %llu traces, and at most %u can be sorted", path, (unsigned long long)n,
                    UINT32_MAX);
  }
  if (!order->source) {
    SP_TRY(sp_alloc(n * sizeof *order->source, "sorting", &order->source));
    for (uint64_t i = 0; i < n; i++) order->source[i] = (uint32_t)i;
  }
  sorter s = {0};
  const sp_status status = make_sorter(n_keys, (sp_local)largest, &s);
  for (; status == SP_SUCCESS && g < order->n_gathers; g++) {
    if (!gather_in_order(keys, n_keys, order, g)) sort_gather(keys, n_keys, order, g, &s);
  }
  clear_sorter(&s);
  return status;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

sp_status sp_order_build(const char *path, const sp_key *keys, int n_gather_keys, int n_keys, uint64_t n,
                         sp_order *out) {
  sp_order order = {0};
  sp_status status;
  SP_TRY_GOTO(fail, check_integers(path, keys, n_gather_keys, n));
  SP_TRY_GOTO(fail, find_gathers(path, keys, n_gather_keys, n, &order));
  SP_TRY_GOTO(fail, sort_within(path, keys + n_gather_keys, n_keys - n_gather_keys, n, &order));
  SP_TRY_GOTO(fail, set_keys(keys, n_gather_keys, &order));
  *out = order;
  return SP_SUCCESS;
fail:
  sp_order_clear(&order);
  return status;
}

void sp_order_clear(sp_order *order) {
  sp_free(order->source);
  sp_free(order->first_trace);
  sp_free(order->key);
  *order = (sp_order){0};
}

bool sp_order_seems_kept(const sp_key *keys, int n_gather_keys, int n_keys, uint32_t n) {
  bool kept = false;
  if (n == 0 || runs_differ(keys, n_gather_keys, n, count_runs(keys, n_gather_keys, NULL, n), &kept) || !kept) {
    return false;
  }
  for (uint32_t i = 1; i < n; i++) {
    if (same(keys, n_gather_keys, i - 1, i) && !in_order(keys + n_gather_keys, n_keys - n_gather_keys, i - 1, i)) {
      return false;
    }
  }
  return true;
}
