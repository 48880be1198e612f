/* SPDX-License-Identifier: BSD-3-Clause */
/* Transforms and thresholds of windows in the lanes of vectors (cpu_body.h), compiled for AVX-512. */
#include "kernels/fk_denoise/cpu_body.h"
