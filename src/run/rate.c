/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/rate.h"

#include <math.h>

static const double least_window = 30, most_window = 600;

sp_rate sp_rate_begin(double now, uint64_t work) {
  return (sp_rate){.started_at = now, .last_at = now, .last_work = work};
}

void sp_rate_note(sp_rate *r, double now, uint64_t work) {
  const double dt = now - r->last_at, window = fmin(fmax((now - r->started_at) / 2, least_window), most_window);
  if (dt <= 0 || (work == r->last_work && dt < window)) return;
  const double keep = exp(-dt / window);
  r->work = keep * r->work + (double)(work - r->last_work);
  r->time = keep * r->time + dt;
  r->last_at = now;
  r->last_work = work;
}

double sp_rate_value(const sp_rate *r) {
  return r->time > 0 ? r->work / r->time : 0;
}

double sp_rate_left(const sp_rate *r, double now, uint64_t left) {
  const double rate = sp_rate_value(r);
  if (left == 0) return 0;
  return rate > 0 ? fmax(r->last_at + (double)left / rate - now, 0) : NAN;
}
