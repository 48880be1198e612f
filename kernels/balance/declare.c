/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `balance`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/balance/balance.h"

#define FIELD(name) offsetof(sp_balance_params, name)

static const sp_param params[] = {
    {"measure", SP_PARAM_CHOICE, "rms", 0, 0, 0, "rms|peak|median", NULL, "what the level of a trace is",
     FIELD(measure)},
    {"level", SP_PARAM_REAL, "auto", 1e-30, 1e30, 0, "auto", NULL,
     "that all traces get; auto: the median of those of the gather", FIELD(level)},
    {0},
};

const sp_processor sp_processor_balance = {
    .name = "balance",
    .summary = "scale traces to one level; `undo: balance` takes it back",
    .params = params,
    .params_size = sizeof(sp_balance_params),
    .cpu = &sp_balance_cpu,
    .undo = sp_balance_undo,
};
