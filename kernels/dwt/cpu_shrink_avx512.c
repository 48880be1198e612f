/* SPDX-License-Identifier: BSD-3-Clause */
/* Threshold rules over rows of coefficients (cpu_shrink_code.h), compiled for AVX-512. */
#include "kernels/dwt/cpu_shrink_code.h"
