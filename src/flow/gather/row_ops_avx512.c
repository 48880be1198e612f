/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops over the samples of a row (row_ops_body.h), compiled for AVX-512. */
#define ROW_OPS sp_row_ops_avx512
#include "src/flow/gather/row_ops_body.h"
