/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc --complete WORD...: what may stand in the place of the last word, for the completions of shells
 * (tools/completions). A line a candidate, which begins with that word; ":files h5 part" says that files with these
 * endings may stand there, ":files" any. From the tables that parse the command line and the job, the job file and the
 * survey that the line names. */
#include <stdio.h>
#include <string.h>

#include "seisproc/gather_index.h"
#include "seisproc/job.h"
#include "seisproc/memory.h"
#include "seisproc/selection.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_header.h"
#include "src/cli/command.h"

enum { CANDIDATE_SIZE = 512, MAX_KEYS = 200 };

typedef struct completion {
  const sp_command *command;
  char **words; /* [n], behind the command's name; the last is the one to complete */
  int n;
  const char *head; /* what stands before the value: "--set=", or "" */
  int head_length;
  const char *value; /* what is there of it */
} completion;

static void offer(const completion *c, const char *candidate) {
  if (!strncmp(candidate, c->value, strlen(c->value))) printf("%.*s%s\n", c->head_length, c->head, candidate);
}

/* Of "big|little" all, of "auto|FACTOR" what is written in small letters. */
static void offer_choices(const completion *c, const char *prefix, const char *choices) {
  for (const char *at = choices; at && *at; at += strcspn(at, "|"), at += *at == '|') {
    char candidate[CANDIDATE_SIZE];
    const int n = (int)strcspn(at, "|");
    snprintf(candidate, sizeof candidate, "%s%.*s", prefix, n, at);
    if (strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-") >= (size_t)n) offer(c, candidate);
  }
}

/* --- what the line names ------------------------------------------------------------------------------------------ */

static bool ends_with(const char *word, const char *ending) {
  const size_t n = strlen(word), m = strlen(ending);
  return n > m && !strcmp(word + n - m, ending);
}

/* The job that the line names, without its mistakes; NULL where there is none. */
static sp_job *open_job(const completion *c) {
  for (int i = 0; i + 1 < c->n; i++) {
    char *text = NULL;
    sp_job *job = NULL;
    if (!ends_with(c->words[i], ".yaml") && !ends_with(c->words[i], ".yml")) continue;
    if (sp_job_read_text(c->words[i], &text) != SP_SUCCESS) continue;
    if (sp_job_parse(c->words[i], text, NULL, 0, &job) != SP_SUCCESS) job = NULL;
    sp_free(text);
    return job;
  }
  return NULL;
}

/* The first survey that the line names, or the input of its job; NULL where there is none. */
static sp_survey *open_survey(const completion *c) {
  sp_survey *survey = NULL;
  for (int i = 0; i + 1 < c->n; i++) {
    if (!ends_with(c->words[i], ".h5") && !ends_with(c->words[i], ".part")) continue;
    if (sp_survey_open_independent(c->words[i], false, &survey) == SP_SUCCESS) return survey;
  }
  sp_job *job = open_job(c);
  if (!job) return NULL;
  if (sp_survey_open_independent(job->input, false, &survey) != SP_SUCCESS) survey = NULL;
  sp_job_destroy(job);
  return survey;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

/* The values of one parameter; its name alone, with "=", as long as that is not written. */
static void offer_param(const completion *c, const char *prefix, const sp_param *param) {
  char key[CANDIDATE_SIZE];
  snprintf(key, sizeof key, "%s%s=", prefix, param->key);
  if (strncmp(c->value, key, strlen(key))) {
    offer(c, key);
  } else {
    offer_choices(c, key, param->type == SP_PARAM_BOOL ? "true|false" : param->choices);
  }
}

static void offer_settings(const completion *c) {
  char key[CANDIDATE_SIZE];
  for (const sp_job_key *k = sp_job_keys; k->key; k++) {
    snprintf(key, sizeof key, "%s=", k->key);
    offer(c, key);
  }
  for (const sp_param *p = sp_job_params; p->key; p++) offer_param(c, "", p);
  sp_job *job = open_job(c);
  for (size_t i = 0; job && i < job->n_steps; i++) {
    const sp_processor *processor = job->chain[i].processor;
    char step[CANDIDATE_SIZE / 2];
    snprintf(step, sizeof step, "chain.%zu.%s.", i, processor->name);
    for (const sp_param *p = processor->params; p->key; p++) offer_param(c, step, p);
  }
  sp_job_destroy(job);
}

typedef struct column_visitor {
  const completion *completion;
  const char *ending;
} column_visitor;

static sp_status offer_column(const char *name, sp_type type, const char *units, void *context) {
  const column_visitor *v = context;
  char candidate[CANDIDATE_SIZE];
  snprintf(candidate, sizeof candidate, "%s%s", name, v->ending);
  offer(v->completion, candidate);
  return SP_SUCCESS;
}

/* The header columns of the survey; without one, the names that the standards have. */
static void offer_columns(const completion *c, const char *ending) {
  column_visitor v = {c, ending};
  sp_survey *survey = open_survey(c);
  if (survey) {
    sp_survey_each_header(survey, offer_column, &v);
    sp_survey_close(survey);
    return;
  }
  const sp_header_field *field;
  for (size_t i = 0; (field = sp_header_field_at(i)); i++) {
    if (field->block == SP_BLOCK_STANDARD) offer_column(field->name, SP_INT32, NULL, &v);
  }
}

static void gather_word(const sp_gather_index *index, sp_global g, char word[CANDIDATE_SIZE]) {
  char text[SP_GATHER_TEXT];
  const char *comma = strchr(sp_gather_key_text(index->key_name, index->key[g], text), ',');
  if (comma) {
    snprintf(word, CANDIDATE_SIZE, "%.*s,%s", (int)(comma - strchr(text, ' ') - 1), strchr(text, ' ') + 1,
             strrchr(text, ' ') + 1);
  } else {
    snprintf(word, CANDIDATE_SIZE, "%.*s=%s", (int)strcspn(text, " "), text, strrchr(text, ' ') + 1);
  }
}

/* "fldr=840" of the survey's gathers, the first ones that fit; a gather key of two columns as "100,200". */
static void offer_gathers(const completion *c) {
  sp_survey *survey = open_survey(c);
  sp_gather_index *index = NULL;
  char word[CANDIDATE_SIZE];
  int n = 0;
  if (!survey) return;
  if (sp_survey_read_index(survey, true, &index) != SP_SUCCESS) index = NULL;
  for (sp_global g = 0; index && g < index->n_gathers && n < MAX_KEYS; g++) {
    gather_word(index, g, word);
    n += !strncmp(word, c->value, strlen(c->value));
    offer(c, word);
  }
  sp_gather_index_destroy(index);
  sp_survey_close(survey);
}

/* Forms of a selection, with the survey's gather key; "fldr=12" of its gathers once that is begun. */
static void offer_selections(const completion *c) {
  sp_survey *survey = open_survey(c);
  char word[CANDIDATE_SIZE];
  const char *name = survey ? sp_survey_get_info(survey)->gather_key : "";
  offer(c, "first:");
  offer(c, "every:");
  snprintf(word, sizeof word, "%.*s=", (int)strcspn(name, "+"), name);
  if (word[0] != '=' && strncmp(c->value, word, strlen(word))) offer(c, word);
  const bool begun = word[0] != '=' && !strncmp(c->value, word, strlen(word)) && !strpbrk(c->value, ",-");
  sp_survey_close(survey);
  if (begun) offer_gathers(c);
}

static void offer_files(const char *what) {
  if (strstr(what, ".h5")) {
    puts(":files h5 part");
  } else if (strstr(what, ".yaml")) {
    puts(":files yaml yml");
  } else if (strstr(what, ".html")) {
    puts(":files html");
  } else {
    puts(":files");
  }
}

/* The value of an option, by what its table calls it. */
static void offer_value(const completion *c, const struct argp_option *o) {
  const char *arg = o->arg, *command = c->command->name;
  const bool makes_gathers = !strcmp(command, "import") || !strcmp(command, "regroup");
  if (!strncmp(arg, "KEY=", 4)) {
    offer_settings(c);
  } else if (!strcmp(arg, "WHICH")) {
    offer_selections(c);
  } else if (!strcmp(arg, "KEY")) {
    if (makes_gathers) {
      offer_columns(c, "");
    } else {
      offer_gathers(c);
    }
  } else if (!strncmp(arg, "COLUMN=", 7) || !strncmp(arg, "NAME=", 5)) {
    offer_columns(c, "=");
  } else if (strchr(arg, '|')) {
    offer_choices(c, "", arg);
  } else if (strstr(arg, ".h5") || strstr(arg, ".yaml") || strstr(arg, "FILE") || !strcmp(arg, "FOLDER") ||
             !strcmp(arg, "INPUT")) {
    offer_files(arg);
  }
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static void offer_option(const struct argp_option *o, void *context) {
  char candidate[CANDIDATE_SIZE];
  if (!o->name) return;
  snprintf(candidate, sizeof candidate, "--%s%s", o->name, o->arg && !(o->flags & OPTION_ARG_OPTIONAL) ? "=" : "");
  offer(context, candidate);
}

typedef struct search {
  const char *word; /* "--set" or "-s" */
  size_t length;
  const struct argp_option *found;
} search;

static void compare_option(const struct argp_option *o, void *context) {
  search *s = context;
  if (!o->name || !o->arg) return;
  const bool by_name =
      !strncmp(s->word, "--", 2) && strlen(o->name) == s->length - 2 && !strncmp(s->word + 2, o->name, s->length - 2);
  const bool by_letter = s->length == 2 && s->word[0] == '-' && s->word[1] == o->key;
  if (by_name || by_letter) s->found = o;
}

/* The option with a value that a word names; NULL for any other. */
static const struct argp_option *find_option(const completion *c, const char *word, size_t length) {
  search s = {word, length, NULL};
  if (length > 1 && word[0] == '-') sp_command_each_option(c->command->options, compare_option, &s);
  return s.found;
}

static bool takes_next(const completion *c, int i) {
  const struct argp_option *o = find_option(c, c->words[i], strlen(c->words[i]));
  return o && !(o->flags & OPTION_ARG_OPTIONAL);
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

/* Which argument the last word is, from 0. */
static int place(const completion *c) {
  int n = 0;
  for (int i = 0; i + 1 < c->n; i++) {
    if (takes_next(c, i)) {
      i++;
    } else {
      n += c->words[i][0] != '-';
    }
  }
  return n;
}

static void offer_topics(const completion *c) {
  const sp_command *command;
  const sp_processor *processor;
  offer(c, "job");
  offer(c, "denoise");
  for (size_t i = 0; (command = sp_command_at(i)); i++) offer(c, command->name);
  for (size_t i = 0; (processor = sp_processor_at(i)); i++) offer(c, processor->name);
}

static void offer_argument(const completion *c) {
  const char *doc = c->command->options->args_doc ? c->command->options->args_doc : "";
  const int at = place(c);
  if (!strcmp(c->command->name, "help")) {
    offer_topics(c);
    return;
  }
  for (int i = 0; i < at && *doc; i++) doc += strcspn(doc, " "), doc += strspn(doc, " ");
  char word[CANDIDATE_SIZE];
  snprintf(word, sizeof word, "%.*s", (int)strcspn(doc, " \n"), doc);
  if (at && strchr(word, '|') && !strchr(word, '.')) {
    offer_choices(c, "", word);
  } else if (!strncmp(word, "IN|", 3)) {
    puts(":files sgy segy SGY SEGY su SU h5");
  } else if (!strcmp(word, "FILE")) {
    puts(":files h5 part sgy segy SGY SEGY su SU");
  } else {
    offer_files(word);
  }
}

int sp_cli_complete(int n, char **words) {
  const sp_command *command;
  completion c = {.head = "", .value = n ? words[n - 1] : ""};
  if (n <= 1) {
    for (size_t i = 0; (command = sp_command_at(i)); i++) offer(&c, command->name);
    offer(&c, "--help");
    offer(&c, "--version");
    return SP_EXIT_COMPLETE;
  }
  c.command = sp_command_find(words[0]);
  c.words = words + 1;
  c.n = n - 1;
  if (!c.command) return SP_EXIT_COMPLETE;
  const char *equals = strchr(c.value, '=');
  const struct argp_option *o = equals ? find_option(&c, c.value, (size_t)(equals - c.value)) : NULL;
  if (o) {
    c.head = c.value;
    c.head_length = (int)(equals + 1 - c.value);
    c.value = equals + 1;
    offer_value(&c, o);
  } else if (c.n > 1 && takes_next(&c, c.n - 2)) {
    offer_value(&c, find_option(&c, c.words[c.n - 2], strlen(c.words[c.n - 2])));
  } else if (c.value[0] == '-') {
    sp_command_each_option(c.command->options, offer_option, &c);
    offer(&c, "--help");
    offer(&c, "--usage");
  } else {
    offer_argument(&c);
  }
  return SP_EXIT_COMPLETE;
}
