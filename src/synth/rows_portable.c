/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops over the samples of a synthetic row (rows_body.h), compiled for any processor. */
#define ROW_OPS sp_synth_ops_portable
#include "src/synth/rows_body.h"
