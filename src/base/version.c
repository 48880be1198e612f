/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/version.h"

const char *sp_version(void) {
  return SP_VERSION;
}
