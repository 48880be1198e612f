/* SPDX-License-Identifier: BSD-3-Clause */
/* Bit shuffle (bits_body.h), compiled for AVX2. */
#define BIT_OPS sp_bit_ops_avx2
#include "src/pack/bits_body.h"
