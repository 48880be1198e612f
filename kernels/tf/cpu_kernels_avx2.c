/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/tf/cpu_body.h"
