/* SPDX-License-Identifier: BSD-3-Clause */
/* Lengths of transforms that FFTW and cuFFT are fast with. */
#ifndef SEISPROC_KERNELS_COMMON_GOOD_LENGTH_H
#define SEISPROC_KERNELS_COMMON_GOOD_LENGTH_H

#include <stdbool.h>
#include <stdint.h>

/* The least 2^a 3^b 5^c 7^d that is not less than n, even where it is to be. */
uint32_t sp_good_length(uint32_t n, bool even);

#endif
