/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cpu_shrink_code.h"
