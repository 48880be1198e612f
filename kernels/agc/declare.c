/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `agc`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/agc/agc.h"

#define FIELD(name) offsetof(sp_agc_params, name)

static const sp_param params[] = {
    {"window", SP_PARAM_REAL, "500", 1, 1e6, 0, NULL, "ms", "length in which the level is measured", FIELD(window)},
    {0},
};

const sp_processor sp_processor_agc = {
    .name = "agc",
    .summary = "bring traces to an even level in a sliding window; `undo: agc` takes it back",
    .params = params,
    .params_size = sizeof(sp_agc_params),
    .cpu = &sp_agc_cpu,
    .undo = sp_agc_undo,
};
