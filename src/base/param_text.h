/* SPDX-License-Identifier: BSD-3-Clause */
/* What a parameter allows, in words. */
#ifndef SEISPROC_SRC_BASE_PARAM_TEXT_H
#define SEISPROC_SRC_BASE_PARAM_TEXT_H

#include "seisproc/param.h"

/* Fewest and most items of a list. */
size_t sp_param_fewest(const sp_param *param);
size_t sp_param_most(const sp_param *param);

/* Whether `word` is among the choices of a parameter, which may have none. */
bool sp_param_has_choice(const sp_param *param, const char *word);

/* Writes into `why` the key, what was found, what is allowed and a likely remedy. Returns SP_ERR_USAGE. */
sp_status sp_param_refuse(const sp_param *param, const char *found, char *why, size_t why_size);

#endif
