/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/fk_denoise/cpu_body.h"
