/* SPDX-License-Identifier: BSD-3-Clause */
/* How a run of units is chosen.
 *
 * A worker that has room is given its share, by speed, of a part of what is left (guided self-scheduling; a PART-th,
 * and not all of it, since each worker holds several runs that it has not begun, and since speeds change), at most a
 * full slab and at least min_work. It takes whole units in the order of the file as long as they fit, and one in any
 * case. Units that are much larger than most go first, each by itself: at the end nothing would be left to do beside
 * them.
 */
#include "seisproc/deal.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"

enum { PART = 3, FIRST_PART = 8, LARGE = 8 /* times the mean */ };

struct sp_dealer {
  sp_deal_config config;
  const uint64_t *work_before; /* borrowed */
  const uint8_t *done;         /* borrowed; NULL: none is */
  uint64_t next_large;         /* first unit that was not considered yet as a large one */
  uint64_t next, end;          /* the same of the others; after the last */
  uint64_t large_work;         /* more than this makes a unit a large one */
  uint64_t work_left, units_left;
  double mean, fastest; /* of the speeds that are known, when they were last looked at */
  int looks;            /* how often since */
};

static uint64_t work_of(const sp_dealer *dealer, uint64_t unit) {
  return dealer->work_before[unit + 1] - dealer->work_before[unit];
}

static bool is_done(const sp_dealer *dealer, uint64_t unit) {
  return dealer->done && dealer->done[unit];
}

static bool is_large(const sp_dealer *dealer, uint64_t unit) {
  return work_of(dealer, unit) > dealer->large_work;
}

/* The next large unit that was not dealt; `end` where there is none. */
static uint64_t find_large(sp_dealer *dealer) {
  uint64_t u = dealer->next_large;
  while (u < dealer->end && (is_done(dealer, u) || !is_large(dealer, u))) u++;
  return dealer->next_large = u;
}

static sp_status check_config(const sp_dealer *dealer) {
  const sp_deal_config *config = &dealer->config;
  if (config->n_workers < 1) return SP_RAISE(SP_ERR_USAGE, "workers: found %d, need at least 1", config->n_workers);
  if (config->max_units < 1) return SP_RAISE(SP_ERR_USAGE, "a range must be allowed at least one gather");
  uint64_t largest = 0;
  for (uint64_t u = dealer->next; u < dealer->end; u++) {
    if (work_of(dealer, u) > largest) largest = work_of(dealer, u);
  }
  if (config->max_work < largest) {
    return SP_RAISE(SP_ERR_USAGE, "a range of %llu traces cannot hold the largest gather, which has %llu",
                    (unsigned long long)config->max_work, (unsigned long long)largest);
  }
  return SP_SUCCESS;
}

sp_status sp_dealer_create(const sp_deal_config *config, const uint64_t *work_before, const uint8_t *done,
                           sp_dealer **out) {
  sp_dealer *dealer = NULL;
  SP_TRY(sp_calloc(1, sizeof *dealer, "the dealer", &dealer));
  *dealer = (sp_dealer){.config = *config,
                        .work_before = work_before,
                        .done = done,
                        .next_large = config->first_unit,
                        .next = config->first_unit,
                        .end = config->first_unit + config->n_units};
  const sp_status status = check_config(dealer);
  if (status != SP_SUCCESS) {
    sp_free(dealer);
    return status;
  }
  for (uint64_t u = dealer->next; u < dealer->end; u++) {
    if (is_done(dealer, u)) continue;
    dealer->units_left++;
    dealer->work_left += work_of(dealer, u);
  }
  dealer->large_work = dealer->units_left ? LARGE * (dealer->work_left / dealer->units_left + 1) : 0;
  *out = dealer;
  return SP_SUCCESS;
}

void sp_dealer_destroy(sp_dealer *dealer) {
  sp_free(dealer);
}

/* The workers' speeds as far as they are known. */
typedef struct speeds {
  double own, all, fastest; /* work a second */
  bool own_known;
} speeds;

/* All of them are looked at now and then only, so that dealing to many workers takes no time in proportion to them. */
static void refresh(sp_dealer *dealer, const double *speed) {
  enum { PART_OF_ALL = 8 };
  const int n = dealer->config.n_workers;
  if (dealer->looks++ % (1 + n / PART_OF_ALL)) return;
  double all = 0, fastest = 0;
  int known = 0;
  for (int w = 0; speed && w < n; w++) {
    if (!(speed[w] > 0)) continue;
    all += speed[w];
    fastest = fmax(fastest, speed[w]);
    known++;
  }
  dealer->mean = known ? all / known : 1;
  dealer->fastest = fastest;
}

static speeds look_at_speeds(sp_dealer *dealer, int worker, const double *speed) {
  refresh(dealer, speed);
  const bool known = speed && speed[worker] > 0;
  const double own = known ? speed[worker] : dealer->mean;
  return (speeds){.own = own,
                  .all = fmax(dealer->mean * dealer->config.n_workers, own),
                  .fastest = fmax(dealer->fastest, fmax(dealer->mean, own)),
                  .own_known = known};
}

/* Whether the others would have done all that is left before this worker had done the next unit alone. */
static bool is_too_slow(const sp_dealer *dealer, const speeds *s, uint64_t unit) {
  const double next = (double)work_of(dealer, unit);
  if (!s->own_known || s->own >= s->fastest) return false;
  return next / s->own > (double)dealer->work_left / (s->all - s->own) + next / s->fastest;
}

static double wanted_work(const sp_dealer *dealer, const speeds *s) {
  const double full = (double)dealer->config.max_work * s->own / s->fastest;
  const double guided = (double)dealer->work_left * s->own / s->all / PART;
  const double wanted = fmin(full, guided) / (s->own_known ? 1 : FIRST_PART);
  return fmin(fmax(wanted, (double)dealer->config.min_work), (double)dealer->config.max_work);
}

static bool is_small(const sp_dealer *dealer, uint64_t unit) {
  return !is_done(dealer, unit) && !is_large(dealer, unit);
}

/* As many units from `next` on as make up what is wanted, and one in any case. */
static sp_unit_run cut_run(sp_dealer *dealer, double wanted) {
  sp_unit_run run = {.first = dealer->next};
  uint64_t work = 0;
  while (dealer->next < dealer->end && run.n < dealer->config.max_units && is_small(dealer, dealer->next)) {
    work += work_of(dealer, dealer->next);
    if (run.n && (double)work > wanted) break;
    run.n++;
    dealer->next++;
  }
  return run;
}

sp_unit_run sp_dealer_next(sp_dealer *dealer, int worker, const double *speed) {
  const uint64_t large = find_large(dealer);
  while (dealer->next < dealer->end && !is_small(dealer, dealer->next)) dealer->next++;
  const uint64_t first = large < dealer->end ? large : dealer->next;
  if (first == dealer->end) return (sp_unit_run){0};
  const speeds s = look_at_speeds(dealer, worker, speed);
  if (is_too_slow(dealer, &s, first)) return (sp_unit_run){0};
  sp_unit_run run = {.first = first, .n = 1};
  if (first == large) {
    dealer->next_large++;
  } else {
    run = cut_run(dealer, wanted_work(dealer, &s));
  }
  dealer->work_left -= dealer->work_before[run.first + run.n] - dealer->work_before[run.first];
  dealer->units_left -= run.n;
  return run;
}

uint64_t sp_dealer_work_left(const sp_dealer *dealer) {
  return dealer->work_left;
}

uint64_t sp_dealer_units_left(const sp_dealer *dealer) {
  return dealer->units_left;
}
