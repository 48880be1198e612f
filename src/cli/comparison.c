/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/comparison.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"

enum { UNIT_BYTES = 8 << 20 };

/* --- opening --------------------------------------------------------------------------------------------------- */

static sp_status check_dataset(const sp_side *s, const char *dataset) {
  if (sp_survey_has(s->survey, dataset)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: has no dataset %s", s->path, dataset);
}

static sp_status check_traces(const sp_side *s) {
  const sp_survey_info *info = sp_survey_get_info(s->survey);
  const uint64_t rows = sp_dataset_rows(s->traces), length = sp_dataset_row_length(s->traces);
  if (sp_dataset_type(s->traces) == SP_FLOAT32 && rows == info->n_traces && length == info->n_samples)
    return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: that dataset does not hold traces of the survey", s->path);
}

static sp_status check_shapes(const sp_comparison *c) {
  const sp_side *a = &c->sides[0], *b = &c->sides[1];
  SP_TRY(check_traces(a));
  SP_TRY(check_traces(b));
  const sp_survey_info *of_a = sp_survey_get_info(a->survey), *of_b = sp_survey_get_info(b->survey);
  if (of_a->n_traces == of_b->n_traces && of_a->n_samples == of_b->n_samples) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT,
                  "%s has %" PRIu64 " traces of %u samples, %s has %" PRIu64 " of %u: they cannot be compared", a->path,
                  of_a->n_traces, of_a->n_samples, b->path, of_b->n_traces, of_b->n_samples);
}

/* *out: whether `made` is the output of a job whose input was `from`. */
static sp_status is_made_from(const sp_side *made, const sp_side *from, bool *out) {
  char *uuid = NULL;
  *out = false;
  if (!strcmp(sp_survey_get_info(made->survey)->content, "input")) return SP_SUCCESS; /* no job made it */
  const sp_status status = sp_survey_get_text(made->survey, "/", "input_uuid", &uuid);
  if (status != SP_SUCCESS) return status == SP_ERR_MEMORY ? status : SP_SUCCESS;
  *out = !strcmp(uuid, sp_survey_get_info(from->survey)->uuid);
  sp_free(uuid);
  return SP_SUCCESS;
}

static sp_status check_map(const sp_comparison *c, const sp_side *s) {
  if (sp_dataset_type(s->sort_map) == SP_UINT64 && sp_dataset_rows(s->sort_map) == c->index->n_traces &&
      sp_dataset_row_length(s->sort_map) == 1) {
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_INPUT, "%s: /sort_map is no map of its traces", s->path);
}

/* Opens the sort maps that number the traces. */
static sp_status open_maps(sp_comparison *c) {
  for (int i = 0; i < 2; i++) {
    sp_side *s = &c->sides[i];
    bool made_the_other = false; /* its places are the numbers */
    if (!sp_survey_has(s->survey, "/sort_map")) continue;
    SP_TRY(is_made_from(&c->sides[!i], s, &made_the_other));
    if (made_the_other) continue;
    SP_TRY(sp_dataset_open(s->survey, "/sort_map", &s->sort_map));
    SP_TRY(check_map(c, s));
  }
  return SP_SUCCESS;
}

static sp_status same_gathers(const sp_comparison *c, const sp_gather_index *other) {
  if (other->n_gathers == c->index->n_gathers &&
      !memcmp(other->first_trace, c->index->first_trace, (other->n_gathers + 1) * sizeof(sp_global))) {
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_INPUT, "%s and %s have different gathers: their sorted traces cannot be matched",
                  c->sides[0].path, c->sides[1].path);
}

/* Sorting is within gathers, so both must have the same ones where a map is followed. */
static sp_status check_gathers(const sp_comparison *c) {
  sp_gather_index *other;
  if (!c->sides[0].sort_map && !c->sides[1].sort_map) return SP_SUCCESS;
  SP_TRY(sp_survey_read_index(c->sides[1].survey, false, &other));
  const sp_status status = same_gathers(c, other);
  sp_gather_index_destroy(other);
  return status;
}

/* Of an output and its input those gathers of the input that the output is of. */
static sp_status select_gathers(sp_comparison *c, const char *gathers) {
  sp_survey *const a = c->sides[0].survey, *const b = c->sides[1].survey;
  bool a_is_made, b_is_made;
  SP_TRY(is_made_from(&c->sides[0], &c->sides[1], &a_is_made));
  SP_TRY(is_made_from(&c->sides[1], &c->sides[0], &b_is_made));
  c->derived = a_is_made || b_is_made;
  sp_survey *const output = a_is_made ? a : b, *const other = a_is_made ? b : a;
  SP_TRY(sp_survey_select(output, gathers));
  return c->derived ? sp_survey_select_as(other, output) : sp_survey_select(other, gathers);
}

/* Each rank opens the files for itself: reading takes no agreement. */
static sp_status open_all(sp_comparison *c, const char *dataset, const char *gathers) {
  for (int i = 0; i < 2; i++) {
    sp_side *s = &c->sides[i];
    SP_TRY(sp_survey_open(MPI_COMM_NULL, s->path, false, &s->survey));
    SP_TRY(check_dataset(s, dataset));
  }
  SP_TRY(select_gathers(c, gathers));
  for (int i = 0; i < 2; i++) SP_TRY(sp_dataset_open(c->sides[i].survey, dataset, &c->sides[i].traces));
  SP_TRY(check_shapes(c));
  SP_TRY(sp_survey_read_index(c->sides[0].survey, true, &c->index));
  SP_TRY(open_maps(c));
  return check_gathers(c);
}

sp_status sp_comparison_open(sp_comparison *c, const char *const paths[2], const char *dataset, const char *gathers) {
  c->found.first_different = UINT64_MAX;
  for (int i = 0; i < 2; i++) c->sides[i].path = paths[i];
  /* rank 0 first, so that a file that will not do is one line */
  SP_ALIKE(SP_ON_RANK_0(&c->ranks, open_all(c, dataset, gathers)));
  SP_ALIKE(sp_ranks_agree(&c->ranks, c->ranks.rank ? open_all(c, dataset, gathers) : SP_SUCCESS));
  for (int i = 0; i < 2 && c->ranks.size > 1; i++) {
    SP_ALIKE(sp_survey_check_same(c->sides[i].survey, c->ranks.comm));
  }
  return SP_SUCCESS;
}

/* --- units ----------------------------------------------------------------------------------------------------- */

sp_comparison_unit sp_comparison_unit_from(const sp_comparison *c, sp_global first) {
  const sp_global *first_trace = c->index->first_trace;
  const sp_global gather = sp_gather_index_find(c->index, first);
  sp_global end = gather + 1;
  if (first == first_trace[gather]) {
    while (end < c->index->n_gathers && first_trace[end + 1] - first <= c->unit_traces) end++;
  }
  const sp_global left = first_trace[end] - first;
  return (sp_comparison_unit){.first = first,
                              .n = left < c->unit_traces ? (sp_local)left : c->unit_traces,
                              .gathers = sp_gather_index_range(c->index, gather, (sp_local)(end - gather))};
}

static size_t count_units(const sp_comparison *c) {
  size_t n = 0;
  for (sp_global at = 0; at < c->index->n_traces; n++) at += sp_comparison_unit_from(c, at).n;
  return n;
}

static sp_status make_buffers(sp_comparison *c) {
  void *block;
  c->n_samples = sp_survey_get_info(c->sides[0].survey)->n_samples;
  const size_t fits = UNIT_BYTES / (c->n_samples * sizeof(float) + 1);
  c->unit_traces = fits ? (sp_local)fits : 1;
  c->n_units = count_units(c);
  for (int i = 0; i < 2; i++) {
    SP_TRY(sp_alloc((size_t)c->unit_traces * c->n_samples * sizeof(float), "traces", &block));
    c->sides[i].rows = block;
    /* a unit's gathers have more traces than the unit only where it is part of a gather */
    const size_t most = c->index->max_traces > c->unit_traces ? c->index->max_traces : c->unit_traces;
    SP_TRY(sp_alloc(most * sizeof(uint64_t), "the sort map", &block));
    c->sides[i].numbers = block;
    if (i) continue;
    SP_TRY(sp_alloc(most * sizeof(uint64_t), "the sort map", &block));
    c->inverse = block;
  }
  SP_TRY(sp_alloc(c->unit_traces * sizeof(sp_global), "the sort map", &block));
  c->places = block;
  SP_TRY(sp_calloc(c->n_units, sizeof(sp_sums), "sums", &block));
  c->sums = block;
  return SP_SUCCESS;
}

/* --- matching -------------------------------------------------------------------------------------------------- */

/* A map's numbers stay within their gather. `gather` is that of `place` or one before; it moves on with `place`. */
static sp_status check_number(const sp_comparison *c, const sp_side *s, sp_global *gather, sp_global place,
                              uint64_t number) {
  const sp_global *first_trace = c->index->first_trace;
  while (place >= first_trace[*gather + 1]) ++*gather;
  if (number >= first_trace[*gather] && number < first_trace[*gather + 1]) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: /sort_map says %" PRIu64 " at %" PRIu64 ", which is in another gather", s->path,
                  number, place);
}

/* Fills `inverse`: where in the gathers each number is. */
static sp_status invert_reference_map(sp_comparison *c, const sp_range *gathers) {
  const sp_side *a = &c->sides[0];
  sp_global gather = gathers->first_gather;
  SP_TRY(sp_dataset_read_independent(a->sort_map, gathers->first_trace, gathers->n_traces, a->numbers));
  for (sp_local i = 0; i < gathers->n_traces; i++) c->inverse[i] = UINT64_MAX;
  for (sp_local i = 0; i < gathers->n_traces; i++) {
    SP_TRY(check_number(c, a, &gather, gathers->first_trace + i, a->numbers[i]));
    c->inverse[a->numbers[i] - gathers->first_trace] = gathers->first_trace + i;
  }
  for (sp_local i = 0; i < gathers->n_traces; i++) {
    if (c->inverse[i] != UINT64_MAX) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: /sort_map never says %" PRIu64, a->path, gathers->first_trace + i);
  }
  return SP_SUCCESS;
}

/* Fills `places`: where in the reference each trace of the unit is. */
static sp_status match(sp_comparison *c, const sp_comparison_unit *u) {
  const sp_side *b = &c->sides[1];
  sp_global gather = u->gathers.first_gather;
  if (b->sort_map) SP_TRY(sp_dataset_read_independent(b->sort_map, u->first, u->n, b->numbers));
  if (c->sides[0].sort_map) SP_TRY(invert_reference_map(c, &u->gathers));
  for (sp_local i = 0; i < u->n; i++) {
    const sp_global number = b->sort_map ? b->numbers[i] : u->first + i;
    if (b->sort_map) SP_TRY(check_number(c, b, &gather, u->first + i, number));
    c->places[i] = c->sides[0].sort_map ? c->inverse[number - u->gathers.first_trace] : number;
  }
  return SP_SUCCESS;
}

/* Reads the reference's traces at `places`: at once where they are close together, else one by one. Row i is then the
 * one at places[i] - *base, or i where *base is UINT64_MAX. */
static sp_status read_reference(sp_comparison *c, const sp_comparison_unit *u, sp_global *base) {
  const sp_side *a = &c->sides[0];
  sp_global least = UINT64_MAX, most = 0;
  for (sp_local i = 0; i < u->n; i++) {
    least = c->places[i] < least ? c->places[i] : least;
    most = c->places[i] > most ? c->places[i] : most;
  }
  if (most - least < c->unit_traces) {
    *base = least;
    return sp_dataset_read_independent(a->traces, least, (sp_local)(most - least + 1), a->rows);
  }
  for (sp_local i = 0; i < u->n; i++) {
    SP_TRY(sp_dataset_read_independent(a->traces, c->places[i], 1, a->rows + (size_t)i * c->n_samples));
  }
  *base = UINT64_MAX;
  return SP_SUCCESS;
}

/* --- comparing ------------------------------------------------------------------------------------------------- */

/* Sums in LANES parts, so that the compiler may use vectors without changing the order of additions. */
enum { LANES = 16 };

typedef struct trace_figures {
  double reference, difference, compared, cross; /* sums, as in sp_sums */
  double largest;                                /* |a - b|, NaN left out */
} trace_figures;

static trace_figures compare_fast(const float *a, const float *b, uint32_t n) {
  double reference[LANES] = {0}, diff[LANES] = {0}, compared[LANES] = {0}, cross[LANES] = {0}, largest[LANES] = {0};
  trace_figures figures = {0};
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int k = 0; k < LANES; k++) {
      const double x = (double)a[i + (uint32_t)k], y = (double)b[i + (uint32_t)k], d = x - y, amount = fabs(d);
      reference[k] += x * x;
      diff[k] += d * d;
      compared[k] += y * y;
      cross[k] += d * y;
      largest[k] = amount > largest[k] ? amount : largest[k];
    }
  }
  for (; i < n; i++) {
    const double x = (double)a[i], y = (double)b[i], d = x - y;
    reference[0] += x * x;
    diff[0] += d * d;
    compared[0] += y * y;
    cross[0] += d * y;
    largest[0] = fabs(d) > largest[0] ? fabs(d) : largest[0];
  }
  for (int k = 0; k < LANES; k++) {
    figures.reference += reference[k];
    figures.difference += diff[k];
    figures.compared += compared[k];
    figures.cross += cross[k];
    figures.largest = largest[k] > figures.largest ? largest[k] : figures.largest;
  }
  return figures;
}

/* The same without the samples that are not finite, which are counted where they differ. */
static trace_figures compare_finite(const float *a, const float *b, uint32_t n, uint64_t *n_not_finite) {
  trace_figures figures = {0};
  for (uint32_t i = 0; i < n; i++) {
    if (!isfinite(a[i]) || !isfinite(b[i])) {
      if (memcmp(&a[i], &b[i], sizeof a[i])) ++*n_not_finite;
      continue;
    }
    const double x = (double)a[i], y = (double)b[i], d = x - y;
    figures.reference += x * x;
    figures.difference += d * d;
    figures.compared += y * y;
    figures.cross += d * y;
    figures.largest = fmax(figures.largest, fabs(d));
  }
  return figures;
}

static uint64_t sample_with(const float *a, const float *b, uint32_t n, double amount) {
  for (uint32_t i = 0; i < n; i++) {
    if (fabs((double)a[i] - (double)b[i]) == amount) return i;
  }
  return 0;
}

/* Of equal ones, the one in the earlier trace, so that the order of comparing does not matter. */
static bool is_larger(const sp_difference *x, const sp_difference *y) {
  return x->amount > y->amount || (x->amount > 0 && x->amount == y->amount && x->trace < y->trace);
}

static void compare_trace(sp_comparison *c, const float *a, const float *b, sp_global place, sp_sums *sum) {
  const uint32_t n = c->n_samples;
  trace_figures figures = compare_fast(a, b, n);
  if (!isfinite(figures.reference) || !isfinite(figures.difference) || !isfinite(figures.compared)) {
    figures = compare_finite(a, b, n, &c->found.n_not_finite);
  }
  sum->reference += figures.reference;
  sum->difference += figures.difference;
  sum->compared += figures.compared;
  sum->cross += figures.cross;
  if (!memcmp(a, b, n * sizeof *a)) return;
  c->found.n_different++;
  if (place < c->found.first_different) c->found.first_different = place;
  sp_difference here = {.amount = figures.largest, .trace = place};
  if (!is_larger(&here, &c->found.largest)) return;
  here.sample = sample_with(a, b, n, here.amount);
  c->found.largest = here;
}

static void add_sums(sp_sums *all, const sp_sums *one) {
  all->reference += one->reference;
  all->difference += one->difference;
  all->compared += one->compared;
  all->cross += one->cross;
}

/* The share of its energy that a gather has lost. */
static void add_share(sp_sums *all, const sp_sums *gather, sp_global at) {
  if (gather->reference == 0) return;
  const double share = gather->difference / gather->reference;
  if (all->n_shares == 0 || share < all->least) {
    all->least = share;
    all->least_at = (double)at;
  }
  if (all->n_shares == 0 || share > all->most) {
    all->most = share;
    all->most_at = (double)at;
  }
  all->n_shares++;
  all->shares += share;
}

static sp_status compare_unit(sp_comparison *c, const sp_comparison_unit *u, sp_sums *sum) {
  const sp_side *a = &c->sides[0], *b = &c->sides[1];
  sp_global base;
  SP_TRY(match(c, u));
  SP_TRY(sp_dataset_read_independent(b->traces, u->first, u->n, b->rows));
  SP_TRY(read_reference(c, u, &base));
  const sp_global *first_trace = c->index->first_trace;
  sp_global gather = u->gathers.first_gather;
  sp_sums one = {0};
  for (sp_local i = 0; i < u->n; i++) {
    const sp_global row = base == UINT64_MAX ? i : c->places[i] - base;
    while (u->first + i >= first_trace[gather + 1]) gather++;
    compare_trace(c, a->rows + row * c->n_samples, b->rows + (size_t)i * c->n_samples, c->places[i], &one);
    if (i + 1 < u->n && u->first + i + 1 < first_trace[gather + 1]) continue;
    const bool whole = first_trace[gather] >= u->first && first_trace[gather + 1] <= u->first + u->n;
    if (whole) add_share(sum, &one, gather);
    add_sums(sum, &one);
    one = (sp_sums){0};
  }
  return SP_SUCCESS;
}

/* This rank's units: one in `size`. Not collective. */
static sp_status compare_share(sp_comparison *c) {
  sp_global at = 0;
  for (size_t i = 0; i < c->n_units; i++) {
    const sp_comparison_unit u = sp_comparison_unit_from(c, at);
    at += u.n;
    if (i % (size_t)c->ranks.size == (size_t)c->ranks.rank) SP_TRY(compare_unit(c, &u, &c->sums[i]));
  }
  return SP_SUCCESS;
}

static void merge(sp_findings *all, const sp_findings *one) {
  if (is_larger(&one->largest, &all->largest)) all->largest = one->largest;
  if (one->first_different < all->first_different) all->first_different = one->first_different;
  all->n_different += one->n_different;
  all->n_not_finite += one->n_not_finite;
}

/* Brings all findings to rank 0. Collective. */
static sp_status collect(sp_comparison *c) {
  if (c->ranks.comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  const size_t n_ranks = (size_t)c->ranks.size;
  void *block = NULL;
  SP_ALIKE(sp_ranks_agree(&c->ranks, sp_alloc(n_ranks * sizeof(sp_findings), "findings", &block)));
  sp_findings *all = block;
  sp_status status = SP_MPI(MPI_Gather(&c->found, sizeof *all, MPI_BYTE, all, sizeof *all, MPI_BYTE, 0, c->ranks.comm));
  for (size_t r = 1; c->ranks.rank == 0 && status == SP_SUCCESS && r < n_ranks; r++) merge(&c->found, &all[r]);
  sp_free(block);
  SP_ALIKE(sp_ranks_agree(&c->ranks, status));
  /* each unit's sums are zero on all ranks but one */
  const int n = sp_mpi_count(sizeof(sp_sums) / sizeof(double) * c->n_units);
  return SP_MPI(c->ranks.rank == 0 ? MPI_Reduce(MPI_IN_PLACE, c->sums, n, MPI_DOUBLE, MPI_SUM, 0, c->ranks.comm)
                                   : MPI_Reduce(c->sums, NULL, n, MPI_DOUBLE, MPI_SUM, 0, c->ranks.comm));
}

sp_status sp_comparison_run(sp_comparison *c) {
  SP_ALIKE(sp_ranks_agree(&c->ranks, make_buffers(c)));
  SP_ALIKE(sp_ranks_agree(&c->ranks, compare_share(c)));
  return sp_ranks_agree(&c->ranks, collect(c));
}

void sp_comparison_close(sp_comparison *c) {
  for (int i = 0; i < 2; i++) {
    sp_free(c->sides[i].numbers);
    sp_free(c->sides[i].rows);
    sp_dataset_close(c->sides[i].sort_map);
    sp_dataset_close(c->sides[i].traces);
    sp_survey_close(c->sides[i].survey);
  }
  sp_free(c->sums);
  sp_free(c->places);
  sp_free(c->inverse);
  sp_gather_index_destroy(c->index);
}
