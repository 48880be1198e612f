/* SPDX-License-Identifier: BSD-3-Clause */
/* What a table of velocities must hold to, wherever it came from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pstm/velocity.h"
#include "seisproc/memory.h"

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Units that are likely not meant. */
static sp_status check_units(const sp_velocity_table *t, const sp_velocity_range *range) {
  const uint32_t n = t->first[t->n_functions];
  double latest = 0, *values = NULL;
  for (uint32_t i = 0; i < n; i++) latest = fmax(latest, t->time[i]);
  if (n > 1 && latest > 0 && latest < 20e-3) {
    return SP_RAISE(SP_ERR_INPUT, "%s: the latest time is %g ms: seconds? allowed are ms", t->name, 1e3 * latest);
  }
  if (!range->is_velocity || n == 0) return SP_SUCCESS;
  SP_TRY(sp_alloc(n * sizeof *values, "velocities", &values));
  memcpy(values, t->value, n * sizeof *values);
  qsort(values, n, sizeof *values, by_value);
  const double middle = values[n / 2];
  sp_free(values);
  if (middle > 9000 && range->most <= 12000) {
    return SP_RAISE(SP_ERR_INPUT, "%s: half of the velocities are above %g: feet per second? allowed are m/s", t->name,
                    middle);
  }
  return SP_SUCCESS;
}

static sp_status check_function(const sp_velocity_table *t, uint32_t f, const sp_velocity_range *range) {
  char position[96];
  sp_velocity_position(t, f, position, sizeof position);
  for (uint32_t i = t->first[f]; i < t->first[f + 1]; i++) {
    if (!(t->time[i] >= 0) || (i > t->first[f] && t->time[i] <= t->time[i - 1])) {
      return SP_RAISE(SP_ERR_INPUT, "%s: %s: found the time %g ms, allowed are ascending times from 0 on", t->name,
                      position, 1e3 * t->time[i]);
    }
    if (!(t->value[i] >= range->least && t->value[i] <= range->most)) {
      return SP_RAISE(SP_ERR_INPUT, "%s: %s: found %g%s at %g ms, allowed is %g to %g%s", t->name, position,
                      t->value[i], range->is_velocity ? " m/s" : "", 1e3 * t->time[i], range->least, range->most,
                      range->is_velocity ? " m/s (allow_velocities: true takes others)" : "");
    }
  }
  return SP_SUCCESS;
}

static int by_position(const void *a, const void *b) {
  const double *x = a, *y = b;
  for (int i = 0; i < 2; i++) {
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  }
  return 0;
}

static sp_status check_positions(const sp_velocity_table *t) {
  double(*sorted)[2] = NULL;
  sp_velocity_table one = *t;
  SP_TRY(sp_alloc(t->n_functions * sizeof *sorted, "positions of velocities", &sorted));
  memcpy(sorted, t->position, t->n_functions * sizeof *sorted);
  qsort(sorted, t->n_functions, sizeof *sorted, by_position);
  sp_status status = SP_SUCCESS;
  for (uint32_t i = 0; status == SP_SUCCESS && i < t->n_functions; i++) {
    char text[96];
    one.position = sorted;
    sp_velocity_position(&one, i, text, sizeof text);
    if (!isfinite(sorted[i][0]) || !isfinite(sorted[i][1])) {
      status = SP_RAISE(SP_ERR_INPUT, "%s: %s is no position", t->name, text);
    } else if (i && !by_position(sorted[i], sorted[i - 1])) {
      status = SP_RAISE(SP_ERR_INPUT, "%s: two functions at %s, allowed is one a position", t->name, text);
    }
  }
  sp_free(sorted);
  return status;
}

sp_status sp_velocity_check(const sp_velocity_table *t, const sp_velocity_range *range) {
  SP_TRY(check_positions(t));
  for (uint32_t f = 0; f < t->n_functions; f++) SP_TRY(check_function(t, f, range));
  return check_units(t, range);
}
