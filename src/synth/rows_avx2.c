/* SPDX-License-Identifier: BSD-3-Clause */
#define ROW_OPS sp_synth_ops_avx2
#include "src/synth/rows_body.h"
