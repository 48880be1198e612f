/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels of the undecimated transform (cuda_traces.cuh), one for each length of a lattice. */
#include "kernels/dwt/cuda_traces.cuh"

dwt_kernel *dwt_undecimated_kernel(const dwt_shape *shape, bool wide) {
  const int stages = shape->lattice ? shape->bank.stages : 0;
  if (stages == 0) return wide ? treat_traces<true, 0, true> : treat_traces<true, 0, false>;
  if (wide) return treat_traces<true, SP_BANK_MAX_SWT_STAGES, true>;
  if (stages == 1) return treat_traces<true, 1, false>;
  if (stages == 2) return treat_traces<true, 2, false>;
  if (stages == 3) return treat_traces<true, 3, false>;
  if (stages == 4) return treat_traces<true, 4, false>;
  return treat_traces<true, SP_BANK_MAX_SWT_STAGES, false>;
}
