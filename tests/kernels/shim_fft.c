/* SPDX-License-Identifier: BSD-3-Clause */
/* A library in place of FFTW that has no real transforms with split parts, as MKL has none. */
#include <stddef.h>

void *fftwf_plan_guru_split_dft_r2c(void);
void *fftwf_plan_guru_split_dft_c2r(void);
void *fftw_plan_guru_split_dft_r2c(void);

void *fftwf_plan_guru_split_dft_r2c(void) {
  return NULL;
}

void *fftwf_plan_guru_split_dft_c2r(void) {
  return NULL;
}

void *fftw_plan_guru_split_dft_r2c(void) {
  return NULL;
}
