/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cpu_filter_bank_swt.h"
