/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `edit`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/edit/edit.h"

#include <stdio.h>

#define FIELD(name) offsetof(sp_edit_params, name)

static const sp_param params[] = {
    {"nan", SP_PARAM_CHOICE, "keep", 0, 0, 0, "keep|zero|interpolate|kill", NULL,
     "what becomes of samples that are no finite number", FIELD(nan)},
    {"kill", SP_PARAM_CONDITION, "", 0, 0, 0, NULL, NULL,
     "set traces to zero for which this holds, as in: trid = 2 or abs(offset) > 3000", FIELD(kill)},
    {"despike", SP_PARAM_REAL, "0", 0, 1e6, 0, NULL, NULL,
     "interpolate samples larger than so many times the median around them; 0: none", FIELD(despike)},
    {"window", SP_PARAM_REAL, "100", 1, 1e5, 0, NULL, "ms", "despike: length in which the median is taken",
     FIELD(window)},
    {"kill_rms", SP_PARAM_REAL, "0", 0, 1e6, 0, NULL, NULL,
     "set traces to zero whose RMS is so many times larger or smaller than around them; 0: none", FIELD(kill_rms)},
    {"aperture", SP_PARAM_INT, "11", 3, 1001, SP_PARAM_ODD, NULL, "traces",
     "kill_rms: traces that one is compared with", FIELD(aperture)},
    {"interpolate", SP_PARAM_INT, "0", 0, 1000, 0, NULL, "traces",
     "fill up to so many dead traces beside each other from the live ones on both sides; 0: none", FIELD(interpolate)},
    {0},
};

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_edit_params *p = values;
  if (p->nan == SP_EDIT_KEEP && !p->kill.text[0] && p->despike == 0 && p->kill_rms == 0 && p->interpolate == 0) {
    snprintf(why, why_size, "nothing to do: one of nan, kill, despike, kill_rms, interpolate must be given");
  } else if (p->despike > 0 && p->despike < 1) {
    snprintf(why, why_size, "despike: found %g, allowed is 0 or a number from 1 up", p->despike);
  } else if (p->kill_rms > 0 && p->kill_rms <= 1) {
    snprintf(why, why_size, "kill_rms: found %g, allowed is 0 or a number above 1", p->kill_rms);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

static size_t more_headers(const void *values, const char **names, size_t max) {
  const sp_edit_params *p = values;
  size_t n = 0;
  for (; n < p->kill.n_names && n < max; n++) names[n] = p->kill.names[n];
  return n;
}

const sp_processor sp_processor_edit = {
    .name = "edit",
    .summary = "take out bad samples and traces, fill dead ones",
    .params = params,
    .params_size = sizeof(sp_edit_params),
    .example = "despike: 10",
    .more_headers = more_headers,
    .check = check,
    .cpu = &sp_edit_cpu,
};
