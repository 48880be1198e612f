/* SPDX-License-Identifier: BSD-3-Clause */
/* Findings as they are gathered. */
#include <stdarg.h>
#include <stdio.h>

#include "src/cli/doctor.h"

sp_finding *sp_diagnosis_add(sp_diagnosis *diagnosis, const char *name, const char *format, ...) {
  if (diagnosis->n == SP_MAX_FINDINGS) diagnosis->n--;
  sp_finding *finding = &diagnosis->findings[diagnosis->n++];
  *finding = (sp_finding){.name = name};
  va_list list;
  va_start(list, format);
  vsnprintf(finding->found, sizeof finding->found, format, list);
  va_end(list);
  return finding;
}

void sp_finding_mark(sp_finding *finding, sp_finding_state state, const char *remedy, const char *format, ...) {
  if (state <= finding->state) return;
  finding->state = state;
  snprintf(finding->remedy, sizeof finding->remedy, "%s", remedy);
  va_list list;
  va_start(list, format);
  vsnprintf(finding->wrong, sizeof finding->wrong, format, list);
  va_end(list);
}
