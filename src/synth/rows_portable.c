/* SPDX-License-Identifier: BSD-3-Clause */
#define ROW_OPS sp_synth_ops_portable
#include "src/synth/rows_body.h"
