/* SPDX-License-Identifier: BSD-3-Clause */
#define ROW_OPS sp_row_ops_avx512
#include "src/flow/gather/row_ops_body.h"
