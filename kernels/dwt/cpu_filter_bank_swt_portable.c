/* SPDX-License-Identifier: BSD-3-Clause */
/* The undecimated filter bank (cpu_filter_bank_swt.h), compiled for any processor. */
#include "kernels/dwt/cpu_filter_bank_swt.h"
