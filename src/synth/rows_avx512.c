/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops over the samples of a synthetic row (rows_body.h), compiled for AVX-512. */
#define ROW_OPS sp_synth_ops_avx512
#include "src/synth/rows_body.h"
