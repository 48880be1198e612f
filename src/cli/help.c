/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc help: processors and the keys of a job file, from the tables that the job file is checked against. */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/job.h"
#include "seisproc/memory.h"
#include "seisproc/nearest.h"
#include "seisproc/quote.h"
#include "src/cli/command.h"
#include "src/cli/help_denoise.h"
#include "src/cli/option.h"

enum { WIDTH = 100, KEY_WIDTH = 16, RANGE_SIZE = 2048 };

/* --- the parts of a parameter ---------------------------------------------------------------------------- */

static const char *type_name(const sp_param *param) {
  switch (param->type) {
  case SP_PARAM_BOOL:
    return "boolean";
  case SP_PARAM_INT:
    return "integer";
  case SP_PARAM_REAL:
    return "number";
  case SP_PARAM_CHOICE:
    return "choice";
  case SP_PARAM_TEXT:
    return "text";
  case SP_PARAM_CONDITION:
    return "condition";
  case SP_PARAM_PATH:
    return param->rules & SP_PARAM_OR_NUMBER ? "path or number" : "path";
  case SP_PARAM_NUMBERS:
    return "numbers";
  case SP_PARAM_HEADERS:
    return "headers";
  case SP_PARAM_WORDS:
    return "words";
  }
  return "";
}

/* "soft, hard, garrote": every choice in full. */
static size_t list_choices(const char *choices, char text[RANGE_SIZE], size_t n) {
  for (const char *c = choices; *c && n + 3 < RANGE_SIZE; c++) {
    text[n++] = *c == '|' ? ',' : *c;
    if (*c == '|') text[n++] = ' ';
  }
  text[n] = '\0';
  return n;
}

/* "1 to 31", "0 or more", "any" */
static size_t list_range(const sp_param *param, char text[RANGE_SIZE]) {
  if (isfinite(param->min) && isfinite(param->max)) {
    return (size_t)snprintf(text, RANGE_SIZE, "%.10g to %.10g", param->min, param->max);
  }
  if (isfinite(param->min)) return (size_t)snprintf(text, RANGE_SIZE, "%.10g or more", param->min);
  return (size_t)snprintf(text, RANGE_SIZE, "any");
}

/* What a parameter may be: "1 to 31, odd", "0 or more, or auto", "soft, hard, garrote", "a list of 4 ascending numbers
 * from 0 Hz up". */
static void range_text(const sp_param *param, char text[RANGE_SIZE]) {
  size_t n;
  text[0] = '\0';
  switch (param->type) {
  case SP_PARAM_BOOL:
    snprintf(text, RANGE_SIZE, "true, false");
    break;
  case SP_PARAM_CHOICE:
    list_choices(param->choices, text, 0);
    break;
  case SP_PARAM_INT:
  case SP_PARAM_REAL:
    n = list_range(param, text);
    n += (size_t)snprintf(text + n, RANGE_SIZE - n, "%s%s", param->rules & SP_PARAM_ODD ? ", odd" : "",
                          param->choices ? ", or " : "");
    if (param->choices) list_choices(param->choices, text, n);
    break;
  default:
    sp_param_allowed(param, text, RANGE_SIZE);
    break;
  }
}

/* The default as a job file would say it. */
static const char *default_text(const sp_param *param) {
  return !param->default_text ? "(needed)" : *param->default_text ? param->default_text : "\"\"";
}

/* --- for a terminal -------------------------------------------------------------------------------------- */

/* Prints words from column `column` on, in lines of at most WIDTH; the first line is already at that column. */
static void print_wrapped(const char *text, int column) {
  int at = column;
  while (*text) {
    const int length = (int)strcspn(text, " ");
    if (at > column && at + 1 + length > WIDTH) {
      printf("\n%*s", column, "");
      at = column;
    }
    at += printf("%s%.*s", at > column ? " " : "", length, text);
    text += length;
    text += strspn(text, " ");
  }
  putchar('\n');
}

static void print_heading(void) {
  printf("%-*s %-8s %-11s %-6s %s\n", KEY_WIDTH, "KEY", "TYPE", "DEFAULT", "UNIT", "RANGE");
}

static void print_params(const sp_param *table) {
  for (const sp_param *param = table; param->key; param++) {
    char range[RANGE_SIZE];
    range_text(param, range);
    const int column = printf("%-*s %-8s %-11s %-6s ", KEY_WIDTH, param->key, type_name(param), default_text(param),
                              param->unit ? param->unit : "-");
    print_wrapped(range, column);
    printf("%*s", KEY_WIDTH + 1, "");
    print_wrapped(param->help, KEY_WIDTH + 1);
  }
}

/* Whether "key: value, ..." gives this key. */
static bool gives(const char *pairs, const char *key) {
  const size_t n = strlen(key);
  for (const char *at = pairs; at && (at = strstr(at, key)); at += n) {
    if ((at == pairs || at[-1] == ' ') && at[n] == ':') return true;
  }
  return false;
}

/* Names the header columns, those that are needed and those that are optional. Which ones may depend on parameters:
 * then those of the defaults. */
static void print_headers(const sp_processor *processor, const char *needs, const char *mark, const char *uses,
                          const char *end) {
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  void *values = NULL;
  if (sp_calloc(1, processor->params_size, "parameters", &values) != SP_SUCCESS) return;
  sp_param_set_defaults(processor->params, values);
  const size_t n = sp_processor_headers(processor, values, names);
  for (int optional = 0; optional < 2; optional++) {
    const char *separator = optional ? uses : needs;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
      if (sp_header_is_optional(names[i]) != (optional == 1)) continue;
      printf("%s%s%.*s%s", separator, mark, (int)strcspn(names[i], "?"), names[i], mark);
      separator = ", ";
      any = true;
    }
    if (any) printf("%s%s", processor->more_headers && !optional ? " (with the defaults)" : "", end);
  }
  sp_free(values);
}

static void print_processor(const sp_processor *processor) {
  printf("%s: %s\n", processor->name, processor->summary);
  print_headers(processor, "needs headers: ", "", "uses headers where there are: ", "\n");
  putchar('\n');
  print_heading();
  print_params(processor->params);
  printf("\nIn the chain of a job file, with every default written out:\n  - %s: {%s", processor->name,
         processor->example ? processor->example : "");
  const char *separator = processor->example ? ", " : "";
  for (const sp_param *param = processor->params; param->key; param++) {
    if (!param->default_text || gives(processor->example, param->key)) continue;
    printf("%s%s: %s", separator, param->key, default_text(param));
    separator = ", ";
  }
  printf("}\n");
}

static void print_job(void) {
  printf("Keys of a job file, a YAML text:\n\n");
  print_heading();
  for (const sp_job_key *key = sp_job_keys; key->key; key++) {
    printf("%-*s %-8s %-11s -\n%*s", KEY_WIDTH, key->key, key->form, key->default_text ? key->default_text : "(needed)",
           KEY_WIDTH + 1, "");
    print_wrapped(key->help, KEY_WIDTH + 1);
  }
  print_params(sp_job_params);
}

static void print_overview(void) {
  printf("Commands (`seisproc COMMAND --help` tells more):\n");
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) printf("  %-10s %s\n", command->name, command->summary);
  printf("\nProcessors (`seisproc help PROCESSOR`):\n");
  const sp_processor *processor;
  for (size_t i = 0; (processor = sp_processor_at(i)); i++) printf("  %-10s %s\n", processor->name, processor->summary);
  printf("\nKeys of a job file (`seisproc help job`):\n ");
  for (const sp_job_key *key = sp_job_keys; key->key; key++) printf(" %s", key->key);
  for (const sp_param *param = sp_job_params; param->key; param++) printf(" %s", param->key);
  printf("\n\nWhat to denoise with: `seisproc help denoise`\n");
}

/* --- for the documents ----------------------------------------------------------------------------------- */

/* A bar would end the cell of the table. */
static void print_cell(const char *text) {
  for (; *text; text++) printf(*text == '|' ? "\\|" : "%c", *text);
}

static void markdown_params(const sp_param *table) {
  for (const sp_param *param = table; param->key; param++) {
    char range[RANGE_SIZE];
    range_text(param, range);
    printf("| `%s` | %s | %s | %s | %s | ", param->key, type_name(param), default_text(param), range,
           param->unit ? param->unit : "");
    print_cell(param->help);
    printf(" |\n");
  }
}

static void markdown_heading(const char *name, const char *summary) {
  printf("### %s\n\n%c%s.\n", name, *summary >= 'a' && *summary <= 'z' ? *summary - 'a' + 'A' : *summary, summary + 1);
}

static void markdown_table(void) {
  printf("\n| key | type | default | range | unit | meaning |\n|---|---|---|---|---|---|\n");
}

static void print_markdown(void) {
  markdown_heading("Job", "the keys of a job file besides its processors");
  markdown_table();
  for (const sp_job_key *key = sp_job_keys; key->key; key++) {
    printf("| `%s` | %s | %s | | | ", key->key, key->form, key->default_text ? key->default_text : "(needed)");
    print_cell(key->help);
    printf(" |\n");
  }
  markdown_params(sp_job_params);
  const sp_processor *processor;
  for (size_t i = 0; (processor = sp_processor_at(i)); i++) {
    putchar('\n');
    markdown_heading(processor->name, processor->summary);
    print_headers(processor, "\nNeeds header columns: ", "`", "\nUses header columns where there are: ", ".\n");
    markdown_table();
    markdown_params(processor->params);
  }
}

/* --- the command ----------------------------------------------------------------------------------------- */

static sp_status refuse_topic(const char *topic) {
  char quoted[SP_QUOTE_SIZE], list[512] = "", hint[SP_NEAREST_LENGTH + 32] = "";
  size_t n = 0;
  sp_nearest nearest = {.text = topic};
  sp_nearest_offer(&nearest, "job", strlen("job"));
  const sp_processor *processor;
  for (size_t i = 0; (processor = sp_processor_at(i)) && n < sizeof list; i++) {
    sp_nearest_offer(&nearest, processor->name, strlen(processor->name));
    n += (size_t)snprintf(list + n, sizeof list - n, ", %s", processor->name);
  }
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) {
    sp_nearest_offer(&nearest, command->name, strlen(command->name));
  }
  if (nearest.best[0]) snprintf(hint, sizeof hint, " did you mean '%s'?", nearest.best);
  return SP_RAISE(SP_ERR_USAGE, "no processor '%s';%s there is help on job, denoise%s", sp_quote(topic, quoted), hint,
                  list);
}

/* What `seisproc COMMAND --help` prints. */
static int help_on_command(const sp_command *command) {
  char name[64], option[] = "--help";
  snprintf(name, sizeof name, "seisproc %s", command->name);
  char *argv[] = {name, option, NULL};
  return command->run(2, argv);
}

typedef struct arguments {
  const char *topic; /* or NULL */
  bool markdown, man, commands;
} arguments;

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case 'm':
    args->markdown = true;
    return 0;
  case 'M':
    args->man = true;
    return 0;
  case 'c':
    args->commands = true;
    return 0;
  case ARGP_KEY_ARG:
    if (args->topic) argp_error(state, "one topic at a time, found another: %s", value);
    args->topic = value;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option options[] = {
    {"markdown", 'm', NULL, 0, "Print all tables as docs/job-file.md has them", 0},
    {"man", 'M', NULL, 0, "Print the options of all commands as the man page has them", 0},
    {"commands", 'c', NULL, 0, "Print them as docs/commands.md has them", 0},
    {0}};

const struct argp sp_argp_help = {
    options,
    parse_option,
    "[PROCESSOR | job | denoise | COMMAND]",
    "Tells what there is: commands, processors, the keys of a job file, and what to denoise with.",
    NULL,
    NULL,
    NULL};

int sp_cli_help(int argc, char **argv) {
  arguments args = {0};
  sp_option_parse(&sp_argp_help, argc, argv, 0, &args);
  const bool denoise = args.topic && !strcmp(args.topic, "denoise");
  if (args.markdown && denoise) {
    sp_cli_help_denoise_markdown();
    return SP_EXIT_COMPLETE;
  }
  if (args.markdown || args.man || args.commands) {
    (args.markdown ? print_markdown : args.man ? sp_command_print_man : sp_command_print_markdown)();
    return SP_EXIT_COMPLETE;
  }
  if (!args.topic) {
    print_overview();
    return SP_EXIT_COMPLETE;
  }
  const sp_processor *processor = sp_processor_find(args.topic);
  const sp_command *command = sp_command_find(args.topic);
  if (processor) {
    print_processor(processor);
  } else if (!strcmp(args.topic, "job")) {
    print_job();
  } else if (denoise) {
    sp_cli_help_denoise();
  } else if (command) {
    return help_on_command(command);
  } else {
    return sp_status_exit_code(refuse_topic(args.topic));
  }
  return SP_EXIT_COMPLETE;
}
