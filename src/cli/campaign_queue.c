/* SPDX-License-Identifier: BSD-3-Clause */
/* What Slurm has of a campaign. */
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/cli/campaign.h"
#include "src/cli/doctor.h"

enum { QUEUE_SIZE = 16 << 20, QUEUE_S = 60 };

char *sp_campaign_ask_queue(void) {
  static const char *const command[] = {
      "squeue", "--me", "--array", "--noheader", "--states=all", "--Format=ArrayJobID:20,ArrayTaskID:20,StateCompact:8",
      NULL};
  char *text = NULL;
  if (sp_alloc(QUEUE_SIZE, "the queue", &text) != SP_SUCCESS) return NULL;
  if (sp_capture_program(command, QUEUE_S, text, QUEUE_SIZE)) return text;
  sp_warn("squeue does not answer: what is in the queue is not known");
  sp_free(text);
  return NULL;
}

void sp_campaign_find_task(const char *queue, const char *job, unsigned task, char state[16]) {
  state[0] = '\0';
  for (const char *line = queue; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    char id[32], word[16];
    unsigned number;
    if (sscanf(line, "%31s %u %15s", id, &number, word) != 3 || number != task || strcmp(id, job)) continue;
    snprintf(state, 16, "%s", word);
    return;
  }
}
