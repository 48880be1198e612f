/* SPDX-License-Identifier: BSD-3-Clause */
/* What to begin with, by the kind of noise. */
#ifndef SEISPROC_CLI_HELP_DENOISE_H
#define SEISPROC_CLI_HELP_DENOISE_H

/* For a terminal, and as a table of docs/quality.md. */
void sp_cli_help_denoise(void);
void sp_cli_help_denoise_markdown(void);

#endif
