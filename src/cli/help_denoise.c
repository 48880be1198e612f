/* SPDX-License-Identifier: BSD-3-Clause */
/* `seisproc help denoise`: by the kind of noise, the chain to begin with; docs/quality.md has the figures. */
#include <stdio.h>

#include "src/cli/help_denoise.h"

typedef struct advice {
  const char *noise, *chain, *remark;
} advice;

static const advice table[] = {
    {"random, on every trace", "fk_denoise: {}",
     "`line:` where a gather holds several lines, `grid:` where it holds a cube, which gains more"},
    {"random, traces without order", "dwt: {}", "each trace by itself; keeps strong samples"},
    {"coloured: stronger at some frequencies", "fk_denoise: {}",
     "or dwt: {noise_level: fk} where traces have no order"},
    {"bursts, swell, spikes, single bad traces", "tf: {}",
     "a smaller k, down to 1, takes more; `fmin`, `fmax` to its band"},
    {"bursts and random noise", "tf: {k: 1}, then fk_denoise: {}",
     "in this order: a burst is strong, and would be kept"},
    {"coherent: ground roll, multiples, interference", "fk: {...}, or a mute",
     "none of the above takes out what neighbours share"},
};

void sp_cli_help_denoise(void) {
  enum { WIDTH = 48 };
  printf("By the kind of noise, the chain to begin with (docs/quality.md has what each gains and costs):\n\n");
  printf("%-*s %s\n", WIDTH, "NOISE", "CHAIN");
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    printf("%-*s %s\n    %s\n", WIDTH, table[i].noise, table[i].chain, table[i].remark);
  }
  printf("\nTry it on a few gathers with `mode: noise`, and look at the noise: what is coherent in it is signal.\n");
}

void sp_cli_help_denoise_markdown(void) {
  printf("| noise | chain | |\n|---|---|---|\n");
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    printf("| %s | `%s` | %s |\n", table[i].noise, table[i].chain, table[i].remark);
  }
}
