/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels of the decimated transform (cuda_traces.cuh), one for each length of a lattice. */
#include "kernels/dwt/cuda_traces.cuh"

dwt_kernel *dwt_decimated_kernel(const dwt_shape *shape, bool wide) {
  const int stages = shape->lattice ? shape->bank.stages : 0;
  if (stages == 0) return wide ? treat_traces<false, 0, true> : treat_traces<false, 0, false>;
  if (wide) return treat_traces<false, SP_BANK_MAX_STAGES, true>;
  if (stages == 1) return treat_traces<false, 1, false>;
  if (stages == 2) return treat_traces<false, 2, false>;
  if (stages == 3) return treat_traces<false, 3, false>;
  if (stages == 4) return treat_traces<false, 4, false>;
  return stages <= 10 ? treat_traces<false, 10, false> : treat_traces<false, SP_BANK_MAX_STAGES, false>;
}
