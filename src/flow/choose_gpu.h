/* Which GPU a worker uses. */
#ifndef SEISPROC_SRC_FLOW_CHOOSE_GPU_H
#define SEISPROC_SRC_FLOW_CHOOSE_GPU_H

#include "seisproc/roles.h"

/* The GPU of this worker, shared out among the workers of its node; -1 where there is none, or where `engine` (an
 * sp_engine_kind) asks for none. */
int sp_choose_gpu(const sp_roles *roles, int engine);

#endif
