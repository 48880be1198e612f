/* SPDX-License-Identifier: BSD-3-Clause */
/* The decimated filter bank (cpu_filter_bank_dwt.h), compiled for AVX2. */
#include "kernels/dwt/cpu_filter_bank_dwt.h"
