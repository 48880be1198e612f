/* SPDX-License-Identifier: BSD-3-Clause */
/* What the sums of a comparison come to: the share of energy that was removed, by gather too, and what else than
 * samples is different. Units are added in their order, so that figures do not depend on the number of ranks. A gather
 * that is cut into several units has those for itself. */
#include <math.h>
#include <string.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/cli/comparison.h"

enum { PIECE = 8192 };

sp_sums sp_comparison_total(const sp_comparison *c) {
  sp_sums all = {0};
  for (size_t i = 0; i < c->n_units; i++) {
    all.reference += c->sums[i].reference;
    all.difference += c->sums[i].difference;
    all.compared += c->sums[i].compared;
    all.cross += c->sums[i].cross;
  }
  return all;
}

typedef struct shares {
  double n, sum, least, most, least_at, most_at;
} shares;

static void merge(shares *all, double n, double sum, const sp_sums *ends) {
  if (n == 0) return;
  if (all->n == 0 || ends->least < all->least) {
    all->least = ends->least;
    all->least_at = ends->least_at;
  }
  if (all->n == 0 || ends->most > all->most) {
    all->most = ends->most;
    all->most_at = ends->most_at;
  }
  all->n += n;
  all->sum += sum;
}

/* A gather whose parts were compared unit by unit. */
static void merge_cut(shares *all, const sp_sums *parts, sp_global gather) {
  if (parts->reference == 0) return;
  const double share = parts->difference / parts->reference;
  const sp_sums ends = {.least = share, .most = share, .least_at = (double)gather, .most_at = (double)gather};
  merge(all, 1, share, &ends);
}

static double ratio(double a, double b) {
  return b > 0 ? a / b : (double)NAN;
}

sp_removal sp_comparison_removal(const sp_comparison *c) {
  const sp_sums total = sp_comparison_total(c);
  shares all = {0};
  sp_sums cut = {0};
  sp_global at = 0, cut_gather = 0;
  for (size_t i = 0; i < c->n_units; i++) {
    const sp_comparison_unit u = sp_comparison_unit_from(c, at);
    if (u.gathers.n_gathers == 1 && c->index->first_trace[u.gathers.first_gather + 1] - u.gathers.first_trace > u.n) {
      cut_gather = u.gathers.first_gather;
      cut.reference += c->sums[i].reference;
      cut.difference += c->sums[i].difference;
      if (u.first + u.n == c->index->first_trace[cut_gather + 1]) {
        merge_cut(&all, &cut, cut_gather);
        cut = (sp_sums){0};
      }
    } else {
      merge(&all, c->sums[i].n_shares, c->sums[i].shares, &c->sums[i]);
    }
    at += u.n;
  }
  return (sp_removal){.total = ratio(total.difference, total.reference),
                      .least = all.n > 0 ? all.least : (double)NAN,
                      .mean = ratio(all.sum, all.n),
                      .most = all.n > 0 ? all.most : (double)NAN,
                      .least_at = (sp_global)all.least_at,
                      .most_at = (sp_global)all.most_at,
                      .correlation = ratio(total.cross, sqrt(total.difference) * sqrt(total.compared))};
}

/* --- what is not samples ---------------------------------------------------------------------------------------- */

/* Delays of both, read alone: a survey without the column starts at 0. */
static sp_status delays_differ(const sp_comparison *c, bool *out) {
  sp_header_column *columns[2] = {NULL, NULL};
  double *values = NULL;
  sp_status status = SP_SUCCESS;
  *out = false;
  if (c->sides[0].sort_map || c->sides[1].sort_map) return SP_SUCCESS; /* traces stand in another order */
  SP_TRY_GOTO(out, sp_calloc(2 * PIECE, sizeof *values, "delays", &values));
  for (int k = 0; k < 2; k++) {
    if (!sp_survey_has(c->sides[k].survey, "/headers/delrt")) continue;
    SP_TRY_GOTO(out, sp_header_column_open(c->sides[k].survey, "delrt", &columns[k]));
  }
  SP_EACH_PIECE (p, 0, columns[0] || columns[1] ? c->index->n_traces : 0, PIECE) {
    for (int k = 0; k < 2; k++) {
      if (!columns[k]) continue;
      SP_TRY_GOTO(out, sp_header_column_read(columns[k], p.first, (sp_local)p.count, values + k * PIECE));
    }
    *out = memcmp(values, values + PIECE, p.count * sizeof *values) != 0;
    if (*out) break;
  }
out:
  for (int k = 0; k < 2; k++) sp_header_column_close(columns[k]);
  sp_free(values);
  return status;
}

static sp_status keys_differ(const sp_comparison *c, bool *out) {
  sp_gather_index *other;
  SP_TRY(sp_survey_read_index(c->sides[1].survey, true, &other));
  const sp_gather_index *index = c->index;
  const sp_global n = index->n_gathers;
  *out = other->n_gathers != n || strcmp(other->key_name, index->key_name) ||
         memcmp(other->key, index->key, n * sizeof *index->key) ||
         memcmp(other->first_trace, index->first_trace, (n + 1) * sizeof *index->first_trace);
  sp_gather_index_destroy(other);
  return SP_SUCCESS;
}

sp_status sp_comparison_contrast(const sp_comparison *c, sp_contrast *out) {
  const double a = sp_survey_get_info(c->sides[0].survey)->sample_interval_us;
  const double b = sp_survey_get_info(c->sides[1].survey)->sample_interval_us;
  out->intervals = fabs(a - b) > 1e-9 * fabs(a);
  SP_TRY(keys_differ(c, &out->keys));
  return delays_differ(c, &out->delays);
}
