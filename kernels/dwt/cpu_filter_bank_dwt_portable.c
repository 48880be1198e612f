/* SPDX-License-Identifier: BSD-3-Clause */
/* The decimated filter bank (cpu_filter_bank_dwt.h), compiled for any processor. */
#include "kernels/dwt/cpu_filter_bank_dwt.h"
