/* How a round is chosen.
 *
 * The dealer keeps a model of the lockstep pipeline: when each worker ends its last range, as traces over speed. A
 * round is packed for a moment at which all are to end: each worker takes whole gathers in the order of the file as
 * long as it ends by then, and one that the next gather does not fit is passed over. The moment is picked among a few
 * around the guided length (half of what is left, at most a full slab): the one for which the whole survey is
 * expected to end first. Since whole gathers never fit exactly, that choice and the model's memory of who ended early
 * are what keeps the workers together.
 */
#include "seisproc/deal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "seisproc/memory.h"

struct sp_dealer {
  const sp_gather_index *index;
  sp_deal_config config;
  uint8_t *done;           /* [n_gathers], 0 or 1; NULL where none is done */
  sp_local *largest_left;  /* [n_gathers + 1]: traces of the largest gather not done from here on */
  double *speed;           /* [n_workers], traces a second, all known */
  double *end;             /* [n_workers], s: when each worker ends what it was dealt; 0 is when the oldest round that
                              is not over ends */
  double last_end;         /* s: when the last worker ends the round dealt last */
  double last_end_but_one; /* the same of the round before */
  double speed_sum;
  bool speed_known; /* of at least one worker */
  sp_global next;   /* first gather not considered yet */
  sp_global traces_left, gathers_left;
  unsigned round; /* number of rounds dealt */
};

/* A round as packed. */
typedef struct packing {
  sp_global next; /* gather after the last one packed */
  sp_global traces, gathers;
  double end; /* s: when the last worker ends */
} packing;

static void count_what_is_left(sp_dealer *dealer) {
  const sp_gather_index *index = dealer->index;
  dealer->largest_left[index->n_gathers] = 0;
  for (sp_global g = index->n_gathers; g-- > 0;) {
    sp_local largest = dealer->largest_left[g + 1];
    if (!dealer->done || !dealer->done[g]) {
      const sp_local traces = (sp_local)(index->first_trace[g + 1] - index->first_trace[g]);
      dealer->traces_left += traces;
      dealer->gathers_left++;
      if (traces > largest) largest = traces;
    }
    dealer->largest_left[g] = largest;
  }
}

static sp_status check_config(const sp_gather_index *index, const sp_deal_config *config) {
  if (config->n_workers < 1) return SP_RAISE(SP_ERR_USAGE, "workers: found %d, need at least 1", config->n_workers);
  if (config->max_gathers < 1) return SP_RAISE(SP_ERR_USAGE, "a range must be allowed at least one gather");
  if (config->max_traces < index->max_traces) {
    return SP_RAISE(SP_ERR_USAGE, "a range of %u traces cannot hold the largest gather, which has %u",
                    config->max_traces, index->max_traces);
  }
  return SP_SUCCESS;
}

static sp_status copy_done(sp_dealer *dealer, const uint8_t *done) {
  if (!done) return SP_SUCCESS;
  void *copy;
  SP_TRY(sp_alloc(dealer->index->n_gathers, "the gathers done", &copy));
  dealer->done = copy;
  for (sp_global g = 0; g < dealer->index->n_gathers; g++) dealer->done[g] = done[g] != 0;
  return SP_SUCCESS;
}

sp_status sp_dealer_create(const sp_gather_index *index, const sp_deal_config *config, const uint8_t *done,
                           sp_dealer **out) {
  sp_status status;
  SP_TRY(check_config(index, config));
  const size_t n = (size_t)config->n_workers;
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_dealer), "the dealer", &block));
  sp_dealer *dealer = block;
  dealer->index = index;
  dealer->config = *config;
  SP_TRY_GOTO(fail, sp_calloc(index->n_gathers + 1, sizeof *dealer->largest_left, "the dealer", &block));
  dealer->largest_left = block;
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof *dealer->speed, "the dealer", &block));
  dealer->speed = block;
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof *dealer->end, "the dealer", &block));
  dealer->end = block;
  SP_TRY_GOTO(fail, copy_done(dealer, done));
  count_what_is_left(dealer);
  *out = dealer;
  return SP_SUCCESS;
fail:
  sp_dealer_destroy(dealer);
  return status;
}

void sp_dealer_destroy(sp_dealer *dealer) {
  if (!dealer) return;
  sp_free(dealer->done);
  sp_free(dealer->end);
  sp_free(dealer->speed);
  sp_free(dealer->largest_left);
  sp_free(dealer);
}

/* Number of gathers from `first` on, none of them done, with at most `traces` traces and max_gathers gathers. */
static sp_local gathers_that_fit(const sp_dealer *dealer, sp_global first, sp_local traces) {
  const sp_global *first_trace = dealer->index->first_trace + first;
  sp_global most = dealer->index->n_gathers - first;
  if (most > dealer->config.max_gathers) most = dealer->config.max_gathers;
  if (dealer->done) {
    const uint8_t *next_done = memchr(dealer->done + first, 1, most);
    if (next_done) most = (sp_global)(next_done - (dealer->done + first));
  }
  sp_global low = 0;
  while (low < most) {
    const sp_global middle = low + (most - low + 1) / 2;
    if (first_trace[middle] - first_trace[0] <= traces) {
      low = middle;
    } else {
      most = middle - 1;
    }
  }
  return (sp_local)low;
}

static sp_global skip_done(const sp_dealer *dealer, sp_global gather) {
  while (dealer->done && gather < dealer->index->n_gathers && dealer->done[gather]) gather++;
  return gather;
}

/* Traces that worker w can compute until `end`, rounded so that a gather's own time holds that gather. */
static sp_local room(const sp_dealer *dealer, int w, double end) {
  const double traces = floor(dealer->speed[w] * (end - dealer->end[w]) * (1 + 1e-9) + 0.5);
  if (!(traces > 0)) return 0;
  return traces < dealer->config.max_traces ? (sp_local)traces : dealer->config.max_traces;
}

/* Packs the round that ends at `end`; fills `ranges` where it is not NULL. */
static packing pack(const sp_dealer *dealer, double end, sp_range *ranges) {
  packing packed = {.next = skip_done(dealer, dealer->next)};
  for (int w = 0; w < dealer->config.n_workers; w++) {
    if (ranges) ranges[w] = (sp_range){0};
    if (packed.next == dealer->index->n_gathers) continue;
    const sp_local n = gathers_that_fit(dealer, packed.next, room(dealer, w, end));
    if (n == 0) continue;
    const sp_range range = sp_gather_index_range(dealer->index, packed.next, n);
    packed.end = fmax(packed.end, dealer->end[w] + range.n_traces / dealer->speed[w]);
    packed.traces += range.n_traces;
    packed.gathers += n;
    packed.next = skip_done(dealer, packed.next + n);
    if (ranges) ranges[w] = range;
  }
  return packed;
}

/* Unknown speeds become the mean of the known ones, or 1 where none is known. Returns their sum. */
static double take_speeds(sp_dealer *dealer, const double *speed) {
  const int n = dealer->config.n_workers;
  double sum = 0;
  int known = 0;
  for (int w = 0; w < n; w++) {
    if (speed && speed[w] > 0) {
      sum += speed[w];
      known++;
    }
  }
  dealer->speed_known = known > 0;
  const double mean = known ? sum / known : 1;
  for (int w = 0; w < n; w++) dealer->speed[w] = speed && speed[w] > 0 ? speed[w] : mean;
  return mean * n;
}

/* Moves the model on by a round. Workers have two input buffers and read together, so nobody starts a round before
 * everybody has ended the one before the last. */
static void begin_round(sp_dealer *dealer, const double *speed) {
  const double sum = take_speeds(dealer, speed);
  const double scale = dealer->round ? dealer->speed_sum / sum : 1; /* at first, times are in traces */
  dealer->speed_sum = sum;
  for (int w = 0; w < dealer->config.n_workers; w++) {
    dealer->end[w] = fmax(dealer->end[w] - dealer->last_end_but_one, 0) * scale;
  }
  dealer->last_end_but_one = fmax(dealer->last_end - dealer->last_end_but_one, 0) * scale;
}

static void end_round(sp_dealer *dealer, const packing *packed, const sp_range *ranges) {
  dealer->last_end = dealer->last_end_but_one;
  for (int w = 0; w < dealer->config.n_workers; w++) {
    dealer->end[w] += ranges[w].n_traces / dealer->speed[w];
    dealer->last_end = fmax(dealer->last_end, dealer->end[w]);
  }
  dealer->next = packed->next;
  dealer->traces_left -= packed->traces;
  dealer->gathers_left -= packed->gathers;
  dealer->round++;
}

/* What the choice of a round's end looks at. */
typedef struct outlook {
  double now;     /* s: from when on the workers are free, on the mean */
  double fastest; /* speed, traces a second */
  double guided;  /* s that the round should take */
} outlook;

/* The guided length is a full slab of the fastest worker, and half of what is left towards the end. While no speed is
 * known it is an eighth of either: the pipeline fills soon, and a wrong guess costs little. */
static outlook look_out(const sp_dealer *dealer) {
  outlook view = {0};
  for (int w = 0; w < dealer->config.n_workers; w++) {
    view.now += dealer->speed[w] * dealer->end[w] / dealer->speed_sum;
    view.fastest = fmax(view.fastest, dealer->speed[w]);
  }
  const double full = dealer->config.max_traces / view.fastest;
  const double least = fmin(dealer->config.min_traces / view.fastest, full);
  const double half_of_rest = (double)dealer->traces_left / (2 * dealer->speed_sum);
  view.guided = fmax(fmin(full, half_of_rest) / (dealer->speed_known ? 1 : 8), least);
  return view;
}

/* Expected seconds until the whole survey is done if this round is packed so: the rest goes as well as this round, but
 * takes at least its largest gather's time. */
static double expected_time(const sp_dealer *dealer, const outlook *view, const packing *packed) {
  if (packed->traces == 0) return INFINITY;
  const double round = packed->end - view->now;
  const double rest = (double)(dealer->traces_left - packed->traces);
  const double pace = fmax(round / (double)packed->traces, 1 / dealer->speed_sum);
  return round + fmax(rest * pace, dealer->largest_left[packed->next] / view->fastest);
}

/* When the first worker would end if it took nothing but the next gather. */
static double earliest_end(const sp_dealer *dealer) {
  const sp_global *first_trace = dealer->index->first_trace + dealer->next;
  double earliest = INFINITY;
  for (int w = 0; w < dealer->config.n_workers; w++) {
    earliest = fmin(earliest, dealer->end[w] + (double)(first_trace[1] - first_trace[0]) / dealer->speed[w]);
  }
  return earliest;
}

static double choose_end(const sp_dealer *dealer) {
  const outlook view = look_out(dealer);
  const double bases[] = {view.guided, dealer->largest_left[dealer->next] / view.fastest};
  double best_end = earliest_end(dealer), best = INFINITY; /* some gather always fits that */
  for (int k = 0; k < 2; k++) {
    for (int percent = 60; percent <= 160; percent += 4) {
      const double length = bases[k] * percent / 100;
      if (!(length > 0)) continue;
      const packing packed = pack(dealer, view.now + length, NULL);
      /* of equals, the one nearest to the guided length */
      const double expected = expected_time(dealer, &view, &packed) * (1 + 0.02 * fabs(log(length / view.guided)));
      if (expected < best) {
        best = expected;
        best_end = view.now + length;
      }
    }
  }
  return best_end;
}

bool sp_dealer_next(sp_dealer *dealer, const double *speed, sp_range *ranges) {
  dealer->next = skip_done(dealer, dealer->next);
  if (dealer->gathers_left == 0) {
    memset(ranges, 0, (size_t)dealer->config.n_workers * sizeof *ranges);
    return false;
  }
  begin_round(dealer, speed);
  const packing packed = pack(dealer, choose_end(dealer), ranges);
  assert(packed.gathers > 0);
  end_round(dealer, &packed, ranges);
  return true;
}

sp_global sp_dealer_traces_left(const sp_dealer *dealer) {
  return dealer->traces_left;
}

sp_global sp_dealer_gathers_left(const sp_dealer *dealer) {
  return dealer->gathers_left;
}
