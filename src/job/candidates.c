/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/job/candidates.h"

#include <stdio.h>
#include <string.h>

void sp_candidates_add(sp_candidates *candidates, const char *word) {
  const size_t n = strlen(candidates->list);
  snprintf(candidates->list + n, sizeof candidates->list - n, "%s%s", n ? ", " : "", word);
  if (candidates->nearest.text) sp_nearest_offer(&candidates->nearest, word, strlen(word));
}

const char *sp_candidates_hint(const sp_candidates *candidates, char hint[SP_NEAREST_LENGTH + 32]) {
  hint[0] = '\0';
  if (candidates->nearest.best[0]) {
    snprintf(hint, SP_NEAREST_LENGTH + 32, " did you mean '%s'?", candidates->nearest.best);
  }
  return hint;
}
