#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "seisproc/dist.h"
#include "src/dist/pmix.h"

double sp_time_left(void) {
  const double left = sp_pmix_time_left();
  if (isfinite(left)) return left;
  const char *end = getenv("SLURM_JOB_END_TIME");
  const double at = end ? strtod(end, NULL) : 0;
  return at > 0 ? fmax(0, at - (double)time(NULL)) : (double)INFINITY;
}
