/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of time-frequency transforms (cpu_body.h), compiled for AVX-512. */
#include "kernels/tf/cpu_body.h"
