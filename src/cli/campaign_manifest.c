/* SPDX-License-Identifier: BSD-3-Clause */
/* The manifest of a campaign, as editors and spreadsheets save it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/cli/campaign.h"

enum { MAX_WORDS = 256 };

/* --- words ------------------------------------------------------------------------------------------------------ */

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Cuts a line into words in place: what stands in quotes of either kind is taken as it is, a backslash outside of
 * quotes takes the next character. False where a quote stands alone, or there are too many words. */
static bool cut_words(char *line, char *words[MAX_WORDS + 1], size_t *n) {
  char *at = line, *to = line;
  *n = 0;
  for (;;) {
    while (is_space(*at)) at++;
    if (!*at) break;
    if (*n == MAX_WORDS) return false;
    words[(*n)++] = to;
    while (*at && !is_space(*at)) {
      if (*at == '"' || *at == '\'') {
        char *end = strchr(at + 1, *at);
        if (!end) return false;
        memmove(to, at + 1, (size_t)(end - at - 1));
        to += end - at - 1;
        at = end + 1;
      } else {
        if (*at == '\\' && at[1]) at++;
        *to++ = *at++;
      }
    }
    const bool more = *at != '\0';
    *to++ = '\0'; /* behind what was read: quotes and spaces only go away */
    if (!more) break;
    at++;
  }
  words[*n] = NULL;
  return true;
}

/* The words of a line as a survey, or a mistake in one line. */
static sp_status add_survey(sp_campaign *c, unsigned number, const char *line) {
  char *copy = NULL, *words[MAX_WORDS + 1];
  size_t n;
  SP_TRY(sp_strdup(line, &copy));
  sp_status status = SP_SUCCESS;
  const bool whole = cut_words(copy, words, &n);
  if (!whole && n == MAX_WORDS) {
    status = SP_RAISE(SP_ERR_USAGE, "%s:%u: more than %d words", c->manifest, number, MAX_WORDS);
  } else if (!whole) {
    status =
        SP_RAISE(SP_ERR_USAGE, "%s:%u: a quote stands alone in '%s'; put such a name between quotes of the other kind",
                 c->manifest, number, line);
  } else if (n < 2 || !*words[0] || !*words[1]) {
    status = SP_RAISE(SP_ERR_USAGE, "%s:%u: needs an input and an output, found '%s'", c->manifest, number, line);
  } else {
    sp_campaign_survey *s = &c->surveys[c->n];
    *s = (sp_campaign_survey){.line = number};
    status = sp_calloc(n + 1, sizeof *s->words, "a survey", &s->words);
    for (size_t i = 0; i < n && status == SP_SUCCESS; i++) status = sp_strdup(words[i], &s->words[i]);
    if (status == SP_SUCCESS) {
      s->input = s->words[0];
      s->output = s->words[1];
      s->options = s->words + 2;
    }
    c->n++;
  }
  sp_free(copy);
  return status;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static sp_status read_whole(const char *path, char **text, size_t *size) {
  FILE *file = fopen(path, "r");
  if (!file) return SP_RAISE(SP_ERR_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
  size_t room = 0;
  sp_status status = SP_SUCCESS;
  *text = NULL;
  *size = 0;
  for (;;) {
    if (*size + 2 > room) {
      room = room ? 2 * room : 65536;
      char *more = NULL;
      status = sp_alloc(room, "a manifest", &more);
      if (status != SP_SUCCESS) break;
      if (*size) memcpy(more, *text, *size);
      sp_free(*text);
      *text = more;
    }
    const size_t n = fread(*text + *size, 1, room - *size - 1, file);
    if (n == 0) break;
    *size += n;
  }
  if (status == SP_SUCCESS && ferror(file)) {
    status = SP_RAISE(SP_ERR_USAGE, "%s: cannot be read: %s", path, strerror(errno));
  }
  fclose(file);
  if (status == SP_SUCCESS) (*text)[*size] = '\0';
  return status;
}

/* Without blanks around it; NULL where there is nothing, or a comment. */
static char *trim(char *line) {
  while (is_space(*line)) line++;
  size_t n = strlen(line);
  while (n && is_space(line[n - 1])) n--;
  line[n] = '\0';
  return !*line || *line == '#' ? NULL : line;
}

/* Every line, mistakes and all; the worst of them. */
static sp_status read_lines(sp_campaign *c, char *text, unsigned only) {
  sp_status worst = SP_SUCCESS;
  unsigned number = 0;
  if (!strncmp(text, "\xef\xbb\xbf", 3)) text += 3;
  for (char *line = text, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = '\0';
    number++;
    char *content = trim(line);
    if (!content || (only && number != only)) continue;
    const sp_status status = add_survey(c, number, content);
    if (status > worst) worst = status;
  }
  return worst;
}

/* --- places ------------------------------------------------------------------------------------------------------ */

/* Where a path leads, in one spelling: links of the folder followed, `.` and `..` gone. "" where it does not fit. */
static void canonical(const char *path, char out[PATH_MAX]) {
  char *real = realpath(path, NULL), folder[PATH_MAX], tail[PATH_MAX] = "";
  if (real) snprintf(out, PATH_MAX, "%s", real);
  free(real);
  if (real) return;
  if (path[0] == '/') {
    snprintf(folder, sizeof folder, "%s", path);
  } else {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here) || strlen(here) + strlen(path) + 2 > sizeof folder) {
      out[0] = '\0';
      return;
    }
    snprintf(folder, sizeof folder, "%.2000s/%.2000s", here, path);
  }
  /* what is not there has no links: its names are taken one by one from the end */
  int up = 0;
  for (char *slash; (slash = strrchr(folder, '/')); *slash = '\0') {
    const char *name = slash + 1;
    char longer[PATH_MAX];
    if (!strcmp(name, "..")) {
      up++;
    } else if (*name && strcmp(name, ".")) {
      if (up > 0) {
        up--;
      } else {
        snprintf(longer, sizeof longer, "/%.2000s%.2000s", name, tail);
        memcpy(tail, longer, sizeof tail);
      }
    }
    *slash = '\0';
    real = up ? NULL : realpath(*folder ? folder : "/", NULL);
    if (!real) continue;
    snprintf(out, PATH_MAX, "%.2000s%.2000s", strcmp(real, "/") ? real : "", tail);
    free(real);
    return;
  }
  snprintf(out, PATH_MAX, "%s", tail);
}

typedef struct place {
  char *path; /* owned */
  unsigned line;
  bool is_output;
} place;

static int compare_places(const void *a, const void *b) {
  const place *x = a, *y = b;
  const int order = strcmp(x->path, y->path);
  if (order) return order;
  return x->line < y->line ? -1 : x->line > y->line;
}

static const char *output_of(const sp_campaign *c, unsigned line) {
  for (size_t i = 0; i < c->n; i++) {
    if (c->surveys[i].line == line) return c->surveys[i].output;
  }
  return "";
}

/* Two surveys with one output: the second would pass for done. So would one whose output is another's input. */
static sp_status check_places(const sp_campaign *c) {
  place *places = NULL;
  size_t n = 0;
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_calloc(2 * c->n + 1, sizeof *places, "the places of a campaign", &places));
  for (; n < 2 * c->n && status == SP_SUCCESS; n++) {
    const sp_campaign_survey *s = &c->surveys[n / 2];
    char path[PATH_MAX];
    canonical(n % 2 ? s->output : s->input, path);
    places[n] = (place){.line = s->line, .is_output = n % 2};
    status = sp_strdup(path, &places[n].path);
  }
  if (status == SP_SUCCESS) qsort(places, n, sizeof *places, compare_places);
  for (size_t first = 0, i = 1; i < n && status == SP_SUCCESS; i++) {
    if (strcmp(places[first].path, places[i].path)) {
      first = i;
      continue;
    }
    const place *a = &places[first], *b = &places[i], *out = b->is_output ? b : a, *other = b->is_output ? a : b;
    if (!out->is_output) continue;
    status =
        SP_RAISE(SP_ERR_USAGE, "%s:%u: its output %s is %s line %u%s", c->manifest, out->line, output_of(c, out->line),
                 other->is_output ? "that of" : "the input of", other->line, other->is_output ? ", too" : "");
  }
  for (size_t i = 0; i < n; i++) sp_free(places[i].path);
  sp_free(places);
  return status;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static size_t count_lines(const char *text) {
  size_t n = 1;
  for (; *text; text++) n += *text == '\n';
  return n;
}

static sp_status parse(sp_campaign *c, char *text, size_t size, unsigned line) {
  if (strlen(text) < size) {
    return SP_RAISE(SP_ERR_USAGE, "%s: holds zero bytes, such as UTF-16 text has; save it as UTF-8 text", c->manifest);
  }
  SP_TRY(sp_calloc(count_lines(text), sizeof *c->surveys, "a manifest", &c->surveys));
  SP_TRY(read_lines(c, text, line));
  if (c->n == 0 && line) return SP_RAISE(SP_ERR_USAGE, "%s:%u: names no survey", c->manifest, line);
  if (c->n == 0) return SP_RAISE(SP_ERR_USAGE, "%s: names no survey; a line is INPUT OUTPUT [OPTION]...", c->manifest);
  return check_places(c);
}

sp_status sp_campaign_read(const char *manifest, unsigned line, sp_campaign *out) {
  char *text = NULL;
  size_t size = 0;
  sp_status status;
  *out = (sp_campaign){.manifest = manifest};
  const size_t length = strlen(manifest) + sizeof ".campaign";
  SP_TRY_GOTO(out, sp_alloc(length, "a file name", &out->folder));
  snprintf(out->folder, length, "%s.campaign", manifest);
  SP_TRY_GOTO(out, read_whole(manifest, &text, &size));
  status = parse(out, text, size, line);
out:
  sp_free(text);
  return status;
}

void sp_campaign_free(sp_campaign *campaign) {
  for (size_t i = 0; i < campaign->n; i++) {
    char **words = campaign->surveys[i].words;
    for (size_t w = 0; words && words[w]; w++) sp_free(words[w]);
    sp_free(words);
  }
  sp_free(campaign->surveys);
  sp_free(campaign->folder);
  *campaign = (sp_campaign){0};
}

sp_status sp_campaign_file(const sp_campaign *campaign, unsigned line, const char *suffix, char **out) {
  const size_t size = strlen(campaign->folder) + strlen(suffix) + 24;
  SP_TRY(sp_alloc(size, "a file name", out));
  snprintf(*out, size, "%s/%u.%s", campaign->folder, line, suffix);
  return SP_SUCCESS;
}

sp_status sp_campaign_make_folder(const sp_campaign *campaign) {
  struct stat entry;
  if (!mkdir(campaign->folder, 0777)) return SP_SUCCESS;
  if (errno == EEXIST && !stat(campaign->folder, &entry) && S_ISDIR(entry.st_mode)) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(errno), "%s: cannot be made a folder: %s", campaign->folder, strerror(errno));
}
