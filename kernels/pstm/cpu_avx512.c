/* SPDX-License-Identifier: BSD-3-Clause */
/* The summation loops of migration (cpu_body.h), compiled for AVX-512. */
#include "kernels/pstm/cpu_body.h"
