/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels of cuda_pass.cuh for long lengths: files of their own, so that they are compiled side by side. */
#include "kernels/tf/cuda_pass.cuh"

tf_pass_shape tf_pass_shape_long(uint32_t length) {
#define DO(R1, R2, R3)                                                                                                 \
  if (length == R1 * R2 * R3) return pass_shape_of<R1, R2, R3>();
  LONG_LENGTHS(DO)
#undef DO
  return {NULL, 0, 0};
}
