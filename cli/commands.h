/* commands.h - the subcommands of chiso. Each takes its own arguments (argv[0] is its name) and
 * returns an exit code of base/error.h. They read stores beside the running services. */
#ifndef CHISO_CLI_COMMANDS_H
#define CHISO_CLI_COMMANDS_H

int command_verify(int argc, char **argv);
int command_journal(int argc, char **argv);
int command_quarantine(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_backfill(int argc, char **argv);
int command_dead(int argc, char **argv);
int command_target(int argc, char **argv);
int command_lint(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_source(int argc, char **argv);
int command_coverage(int argc, char **argv);
int command_import(int argc, char **argv);
int command_withdraw(int argc, char **argv);
int command_token(int argc, char **argv);
int command_status(int argc, char **argv);
int command_top(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_compact(int argc, char **argv);
int command_store(int argc, char **argv);
int command_keygen(int argc, char **argv);

#endif
