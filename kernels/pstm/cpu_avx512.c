/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/pstm/cpu_body.h"
