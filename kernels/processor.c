#include "seisproc/processor.h"

#include <string.h>

#define SP_PROCESSOR(name) extern const sp_processor sp_processor_##name;
#include "kernels/processor_list.h"
#undef SP_PROCESSOR

#define SP_PROCESSOR(name) &sp_processor_##name,
static const sp_processor *const processors[] = {
#include "kernels/processor_list.h"
};
#undef SP_PROCESSOR

enum { N_PROCESSORS = sizeof processors / sizeof processors[0] };

const sp_processor *sp_processor_at(size_t i) {
  return i < N_PROCESSORS ? processors[i] : NULL;
}

const sp_processor *sp_processor_find(const char *name) {
  for (size_t i = 0; i < N_PROCESSORS; i++) {
    if (!strcmp(processors[i]->name, name)) return processors[i];
  }
  return NULL;
}

const char *sp_reason_name(sp_reason reason) {
  static const char *const names[SP_REASON_COUNT] = {
      [SP_REASON_OK] = "ok",
      [SP_REASON_DEAD_TRACES] = "dead traces",
      [SP_REASON_NOT_FINITE] = "not finite",
      [SP_REASON_DEAD] = "dead gather",
      [SP_REASON_TOO_SHORT] = "too short",
      [SP_REASON_GEOMETRY] = "geometry",
      [SP_REASON_UNREADABLE] = "unreadable",
      [SP_REASON_CRASHED] = "crashed its worker",
  };
  return (unsigned)reason < SP_REASON_COUNT ? names[reason] : "unknown";
}
