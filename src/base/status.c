/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/status.h"

#include <stdarg.h>
#include <stdio.h>

#include "seisproc/log.h"

const char *sp_status_name(sp_status status) {
  switch (status) {
  case SP_SUCCESS:
    return "success";
  case SP_STOPPED:
    return "stopped";
  case SP_ERR_GATHER:
    return "gather";
  case SP_ERR_USAGE:
    return "usage";
  case SP_ERR_INPUT:
    return "input";
  case SP_ERR_IO:
    return "i/o";
  case SP_ERR_MEMORY:
    return "memory";
  case SP_ERR_DEVICE:
    return "device";
  case SP_ERR_MPI:
    return "mpi";
  case SP_ERR_INTERNAL:
    return "internal";
  }
  return "unknown";
}

int sp_status_exit_code(sp_status status) {
  switch (status) {
  case SP_SUCCESS:
    return SP_EXIT_COMPLETE;
  case SP_ERR_GATHER:
    return SP_EXIT_PARTIAL;
  case SP_ERR_USAGE:
  case SP_ERR_INPUT:
  case SP_ERR_INTERNAL:
    return SP_EXIT_INPUT;
  default:
    return SP_EXIT_RESUMABLE;
  }
}

int sp_status_look_code(int exit_code) {
  return exit_code == SP_EXIT_RESUMABLE ? SP_EXIT_INPUT : exit_code;
}

sp_status sp_raise(sp_status status, const char *file, int line, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (sp_log_get_level() >= SP_LOG_DEBUG) {
    sp_log(SP_LOG_ERROR, "%s (%s, %s:%d)", text, sp_status_name(status), file, line);
  } else {
    sp_log(SP_LOG_ERROR, "%s", text);
  }
  return status;
}
