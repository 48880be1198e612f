/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading lists of hosts, and sharing workers out over them. */
#include "seisproc/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"

enum { MAX_SLOTS = 100000, NUMBER_SIZE = 16 };

/* --- reading them ------------------------------------------------------------------------------------------------ */

static sp_status refuse(const char *entry, int length) {
  return SP_RAISE(SP_ERR_USAGE, "hosts: found '%.*s', allowed are NAME, NAME:RANKS and, in a file, NAME slots=RANKS",
                  length, entry);
}

static sp_status add(sp_hosts *hosts, const char *name, size_t length, int slots) {
  for (size_t i = 0; i < hosts->n; i++) {
    sp_host *host = &hosts->list[i];
    if (strlen(host->name) != length || strncmp(host->name, name, length) != 0) continue;
    if ((host->slots == 0) != (slots == 0)) {
      return SP_RAISE(SP_ERR_USAGE, "hosts: %s is there with a number of ranks and without", host->name);
    }
    host->slots += slots;
    return SP_SUCCESS;
  }
  sp_host *list = NULL;
  SP_TRY(sp_calloc(hosts->n + 1, sizeof *list, "hosts", &list));
  if (hosts->n) memcpy(list, hosts->list, hosts->n * sizeof *list);
  sp_free(hosts->list);
  hosts->list = list;
  sp_host *host = &list[hosts->n++];
  memcpy(host->name, name, length);
  host->slots = slots;
  return SP_SUCCESS;
}

/* One host, of so many characters; nothing where there are only blanks. */
static sp_status parse_entry(const char *text, size_t length, sp_hosts *hosts) {
  while (length && isspace((unsigned char)*text)) text++, length--;
  while (length && isspace((unsigned char)text[length - 1])) length--;
  if (length == 0) return SP_SUCCESS;
  size_t name = 0;
  while (name < length && (isalnum((unsigned char)text[name]) || strchr("._-", text[name]))) name++;
  const bool named = name > 0 && name < SP_HOST_TEXT && text[0] != '-';
  if (!named) return refuse(text, (int)length);
  if (name == length) return add(hosts, text, name, 0);
  const char *at = text + name, *end = text + length;
  if (*at == ':') {
    at++;
  } else {
    while (at < end && isspace((unsigned char)*at)) at++;
    if (end - at < 6 || strncmp(at, "slots=", 6) != 0) return refuse(text, (int)length);
    at += 6;
  }
  char *after;
  const long slots = isdigit((unsigned char)*at) ? strtol(at, &after, 10) : 0;
  if (slots < 1 || slots > MAX_SLOTS || after != end) return refuse(text, (int)length);
  return add(hosts, text, name, (int)slots);
}

static sp_status check_some(const sp_hosts *hosts, const char *where) {
  return hosts->n ? SP_SUCCESS : SP_RAISE(SP_ERR_USAGE, "%s: names no host", where);
}

sp_status sp_hosts_parse(const char *text, sp_hosts *out) {
  sp_hosts hosts = {0};
  sp_status status;
  for (const char *at = text;; at++) {
    const size_t length = strcspn(at, ",");
    SP_TRY_GOTO(fail, parse_entry(at, length, &hosts));
    at += length;
    if (!*at) break;
  }
  SP_TRY_GOTO(fail, check_some(&hosts, "--hosts"));
  *out = hosts;
  return SP_SUCCESS;
fail:
  sp_hosts_free(&hosts);
  return status;
}

sp_status sp_hosts_read(const char *path, sp_hosts *out) {
  sp_hosts hosts = {0};
  sp_status status = SP_SUCCESS;
  char *line = NULL;
  size_t size = 0;
  FILE *file = fopen(path, "r");
  if (!file) return SP_RAISE(SP_ERR_USAGE, "%s: %s", path, strerror(errno));
  while (status == SP_SUCCESS && getline(&line, &size, file) >= 0) {
    status = parse_entry(line, strcspn(line, "#"), &hosts);
  }
  free(line);
  fclose(file);
  if (status == SP_SUCCESS) status = check_some(&hosts, path);
  if (status == SP_SUCCESS) {
    *out = hosts;
  } else {
    sp_hosts_free(&hosts);
  }
  return status;
}

void sp_hosts_free(sp_hosts *hosts) {
  sp_free(hosts->list);
  *hosts = (sp_hosts){0};
}

/* --- laying out over them ------------------------------------------------------------------------------------------
 */

/* Workers that a host may have. */
static int room_of(const sp_host *host, bool is_first, int io_ranks) {
  if (host->slots == 0) return MAX_SLOTS;
  const int room = host->slots - io_ranks - is_first;
  return room > 0 ? room : 0;
}

/* One worker a host in turn, until all are placed. */
static sp_status place(sp_hosts *hosts, int workers, int io_ranks) {
  int left = workers;
  for (bool placed = true; left > 0 && placed;) {
    placed = false;
    for (size_t i = 0; i < hosts->n && left > 0; i++) {
      sp_host *host = &hosts->list[i];
      if (host->workers >= room_of(host, i == 0, io_ranks)) continue;
      host->workers++;
      left--;
      placed = true;
    }
  }
  if (left == 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE,
                  "workers: %d asked for, the hosts have room for %d: of its ranks each host has %d for I/O, and the "
                  "first one for the coordinator",
                  workers, workers - left, io_ranks);
}

static int fill(sp_hosts *hosts, int each, int io_ranks) {
  int workers = 0;
  for (size_t i = 0; i < hosts->n; i++) {
    sp_host *host = &hosts->list[i];
    host->workers = host->slots ? room_of(host, i == 0, io_ranks) : each;
    workers += host->workers;
  }
  return workers;
}

/* "a:5,b:4" of the hosts that have ranks. */
static sp_status write_list(const sp_hosts *hosts, char **out) {
  char *text = NULL;
  size_t at = 0;
  SP_TRY(sp_calloc(hosts->n, SP_HOST_TEXT + NUMBER_SIZE, "a list of hosts", &text));
  for (size_t i = 0; i < hosts->n; i++) {
    const sp_host *host = &hosts->list[i];
    if (host->ranks == 0) continue;
    at += (size_t)snprintf(text + at, SP_HOST_TEXT + NUMBER_SIZE, "%s%s:%d", at ? "," : "", host->name, host->ranks);
  }
  *out = text;
  return SP_SUCCESS;
}

sp_status sp_hosts_lay_out(sp_hosts *hosts, const sp_machine *machine, const sp_job_settings *settings,
                           sp_layout *layout) {
  const int io_ranks = layout->io_ranks, each = layout->workers;
  for (size_t i = 0; i < hosts->n; i++) hosts->list[i].workers = 0;
  if (settings->workers == SP_PARAM_AUTO) {
    layout->workers = fill(hosts, each, io_ranks);
  } else {
    layout->workers = settings->workers;
    SP_TRY(place(hosts, settings->workers, io_ranks));
  }
  if (hosts->list[0].workers == 0 && layout->workers > 0) {
    return SP_RAISE(SP_ERR_USAGE,
                    "hosts: %s has room for %d ranks, the first host needs %d: a coordinator, %d for I/O "
                    "and a worker",
                    hosts->list[0].name, hosts->list[0].slots, io_ranks + 2, io_ranks);
  }
  int most = 1, n_used = 0;
  layout->ranks = 0;
  for (size_t i = 0; i < hosts->n; i++) {
    sp_host *host = &hosts->list[i];
    host->ranks = host->workers ? host->workers + io_ranks + (i == 0) : 0;
    layout->ranks += host->ranks;
    n_used += host->ranks > 0;
    if (host->workers > most) most = host->workers;
  }
  if (layout->workers == 0) return SP_RAISE(SP_ERR_USAGE, "hosts: no host has room for an I/O rank and a worker");
  if (layout->threads == SP_PARAM_AUTO || settings->threads == SP_PARAM_AUTO) {
    layout->threads = machine->n_cores / most > 1 ? machine->n_cores / most : 1;
  }
  snprintf(layout->why, sizeof layout->why, "over %d hosts", n_used);
  return write_list(hosts, &layout->hosts);
}
