/* SPDX-License-Identifier: BSD-3-Clause */
/* Bit shuffle (bits_body.h), compiled for what every machine of a kind has. */
#define BIT_OPS sp_bit_ops_portable
#include "src/pack/bits_body.h"
