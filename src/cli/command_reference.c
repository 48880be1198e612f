/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of all subcommands as a man page and as a document, from the tables that parse them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/command.h"

void sp_command_each_option(const struct argp *table, sp_option_visitor visit, void *context) {
  for (const struct argp_option *o = table->options; o && (o->name || o->key || o->doc); o++) visit(o, context);
  for (const struct argp_child *c = table->children; c && c->argp; c++) {
    const struct argp_option title = {.doc = c->header};
    if (c->header) visit(&title, context);
    sp_command_each_option(c->argp, visit, context);
  }
}

static bool has_letter(const struct argp_option *o) {
  return o->key > 0 && o->key < 128 && isprint(o->key);
}

/* What stands before the vertical tab, and what stands behind. */
typedef struct doc_parts {
  const char *before, *after; /* after: NULL for none */
  int n_before;
} doc_parts;

static doc_parts cut_doc(const char *doc) {
  const char *tab = strchr(doc, '\v');
  return (doc_parts){doc, tab ? tab + 1 : NULL, tab ? (int)(tab - doc) : (int)strlen(doc)};
}

/* --- roff --------------------------------------------------------------------------------------------------------- */

/* Text of n bytes, with hyphens that stay hyphens and no line that begins like a request. */
static void put_roff(const char *text, int n) {
  for (int i = 0; i < n; i++) {
    const bool first = i == 0 || text[i - 1] == '\n';
    if (text[i] == '\\') {
      printf("\\e");
    } else if (text[i] == '-') {
      printf("\\-");
    } else if (first && (text[i] == '.' || text[i] == '\'')) {
      printf("\\&%c", text[i]);
    } else if (text[i] == '\n' && i + 1 < n && text[i + 1] == '\n') {
      printf("\n.PP\n");
      i++;
    } else {
      putchar(text[i]);
    }
  }
}

static void put_roff_line(const char *text) {
  put_roff(text, (int)strlen(text));
  putchar('\n');
}

static void put_roff_option(const struct argp_option *o, void *context) {
  (void)context;
  if (!o->name) {
    printf(".PP\n");
    put_roff_line(o->doc);
    return;
  }
  printf(".TP\n");
  if (has_letter(o)) printf("\\fB\\-%c\\fP, ", o->key);
  printf("\\fB\\-\\-");
  put_roff(o->name, (int)strlen(o->name));
  printf("\\fP");
  if (o->arg) {
    printf("%s=\\fI", o->flags & OPTION_ARG_OPTIONAL ? "[" : "");
    put_roff(o->arg, (int)strlen(o->arg));
    printf("\\fP%s", o->flags & OPTION_ARG_OPTIONAL ? "]" : "");
  }
  putchar('\n');
  put_roff_line(o->doc ? o->doc : "");
}

void sp_command_print_man(void) {
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) {
    const doc_parts doc = cut_doc(command->options->doc);
    printf(".SS seisproc %s", command->name);
    for (const char *at = command->options->args_doc; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
      printf(" ");
      put_roff(at, (int)strcspn(at, "\n"));
      if (at[strcspn(at, "\n")]) printf(" |");
    }
    putchar('\n');
    put_roff(doc.before, doc.n_before);
    putchar('\n');
    sp_command_each_option(command->options, put_roff_option, NULL);
    if (!doc.after) continue;
    printf(".PP\n");
    put_roff_line(doc.after);
  }
}

/* --- markdown ------------------------------------------------------------------------------------------------------
 */

/* In a cell a bar would end it; angle brackets would be taken for a tag. */
static void put_cell(const char *text) {
  for (; *text; text++) {
    if (*text == '|' || *text == '<') putchar('\\');
    putchar(*text);
  }
}

static void put_row(const struct argp_option *o, void *context) {
  bool *begun = context;
  if (!o->name) {
    printf("\n%s\n", o->doc);
    *begun = false;
    return;
  }
  if (!*begun) printf("\n| option | |\n|---|---|\n");
  *begun = true;
  printf("| `");
  if (has_letter(o)) printf("-%c`, `", o->key);
  printf("--%s", o->name);
  if (o->arg) printf(o->flags & OPTION_ARG_OPTIONAL ? "[=%s]" : "=%s", o->arg);
  printf("` | ");
  put_cell(o->doc ? o->doc : "");
  printf(" |\n");
}

void sp_command_print_markdown(void) {
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) {
    const doc_parts doc = cut_doc(command->options->doc);
    bool begun = false;
    printf("%s## %s\n\n```text\n", i ? "\n" : "", command->name);
    for (const char *at = command->options->args_doc; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
      printf("seisproc %s [OPTION]... %.*s\n", command->name, (int)strcspn(at, "\n"), at);
    }
    printf("```\n\n%.*s\n", doc.n_before, doc.before);
    if (doc.after) printf("\n%s\n", doc.after);
    sp_command_each_option(command->options, put_row, &begun);
  }
}
