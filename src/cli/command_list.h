/* Every subcommand, one line each: SP_COMMAND(name, summary) stands for `int sp_cli_<name>(int argc, char **argv)`.
 * Included several times, so without a guard. The order is that of `seisproc --help`. */
